/**
 * The life of a connection, state by state.
 *
 * ```
 *  state      event                          next state   what is done
 *  ---------  -----------------------------  -----------  --------------------------------------
 *  OPEN       peer's end, nothing held back  FINISHING    no more input; owed replies go on
 *  OPEN       malformed input, `finish`      FINISHING    the same
 *  OPEN       handshake, frame deadline      FINISHING    the same
 *  OPEN       idle timeout                   FINISHING    the same
 *  OPEN       maximum age                    FINISHING    the peer is told, then the same
 *  OPEN       no heartbeat                   CLOSED       the link is aborted
 *  OPEN       write stalled                  CLOSED       the link is aborted
 *  FINISHING  write stalled                  CLOSED       the link is aborted
 *  FINISHING  nothing owed, all written      LINGERING    this side's end is sent
 *  LINGERING  linger deadline or bytes       CLOSED       the link is aborted
 *  any        the link closed, `abort`       CLOSED       the endpoint is told, once
 * ```
 *
 * A server's sweep looks after the deadlines (`deadlines.ts`); only LINGERING has a timer of its own,
 * for the short time it lasts. What FINISHING waits for has its own deadlines: a handler's, and the
 * stalled write's.
 *
 * LINGERING is there for the peer's sake: closing a socket with unread input sends a reset, which
 * may destroy replies that the peer has not read yet. So input is read and thrown away until the
 * peer ends too, within a deadline and a number of bytes.
 *
 * @module
 */

/** The states of a connection. */
export const State = { OPEN: 0, FINISHING: 1, LINGERING: 2, CLOSED: 3 } as const;
/** One of the states of {@linkcode State}. */
export type State = (typeof State)[keyof typeof State];
