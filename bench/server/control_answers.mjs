/**
 * What the control servers do with bytes: the least that plain JavaScript can do, like the C limit
 * server. No types, no limits, no packets.
 *
 * @module
 */

const ACK_BYTES = 14;

/**
 * Answers the complete frames of `bytes` into `out`.
 *
 * @typedef {(bytes: Uint8Array, out: Uint8Array) => { used: number, written: number }} Answer how
 * many bytes of input are done with, and how many bytes of `out` are to be sent.
 */

/** @type {Answer} */
export function answerSubmits(bytes, out) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const outView = new DataView(out.buffer, out.byteOffset, out.length);
  let used = 0;
  let written = 0;
  while (bytes.length - used >= 13) {
    const total = view.getUint32(used);
    if (total > bytes.length - used) break;
    outView.setUint32(written, ACK_BYTES);
    outView.setUint8(written + 4, 0x82);
    outView.setInt32(written + 5, view.getInt32(used + 5));
    outView.setInt32(written + 9, view.getInt32(used + 9));
    outView.setUint8(written + 13, 0);
    written += ACK_BYTES;
    used += total;
  }
  return { used, written };
}

/** @type {Answer} */
export function echoPackets(bytes, out) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let used = 0;
  while (bytes.length - used >= 8) {
    const total = view.getUint32(used + 4) + 8;
    if (total > bytes.length - used) break;
    view.setUint32(used, 2);
    used += total;
  }
  out.set(bytes.subarray(0, used));
  return { used, written: used };
}

/** Joins what was left of the last chunk with the next one. */
export function joined(rest, chunk) {
  if (rest === undefined) return chunk;
  const whole = new Uint8Array(rest.length + chunk.length);
  whole.set(rest);
  whole.set(chunk, rest.length);
  return whole;
}
