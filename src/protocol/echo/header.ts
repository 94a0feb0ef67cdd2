/**
 * The header of the frames of the `echo` protocol (docs/PROTOCOL.md, section 2).
 *
 * @module
 */

/** Bytes before the data: type u32, length u32. */
export const ECHO_HEADER_BYTES = 8;
/** Types of frames. */
export const EchoType = { DATA_SEND: 1, DATA_ECHO: 2 } as const;
