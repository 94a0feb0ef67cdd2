/**
 * A network in memory with a delay, on a virtual clock, whose connections are cut at random.
 *
 * @module
 */

import { FramewireError } from "../../src/errors.ts";
import type { Clock } from "../../src/connection/clock.ts";
import type { Link, LinkReceiver, Transport } from "../../src/link/link.ts";

/** How bad it is. */
export interface WeakNetworkOptions {
  readonly clock: Clock;
  /** How long bytes take one way, in milliseconds. */
  readonly delayMs: number;
  /** The share of a client's writes whose connection is cut: half of them before they arrive. */
  readonly cuts: number;
  /** Numbers in `[0, 1)`. */
  readonly random: () => number;
}

/** Such a network, and how many connections it has cut. */
export interface WeakNetwork extends Transport {
  readonly cut: number;
}

/** Makes such a network of one without faults. */
export function weakNetwork(inner: Transport, options: WeakNetworkOptions): WeakNetwork {
  const { clock, delayMs } = options;
  const later = (fn: () => void) => void clock.after(delayMs, fn);
  let cut = 0;
  const weak = (link: Link): Link => {
    let receiver: LinkReceiver | undefined;
    let isClosed = false;
    const closed = (cause: Error | undefined) => {
      if (isClosed) return;
      isClosed = true;
      queueMicrotask(() => receiver?.closed(cause));
    };
    const breaks = () => {
      cut++;
      link.abort();
      closed(new FramewireError("CONNECTION_RESET", "the weak network has cut the connection"));
    };
    return {
      transport: "weak",
      local: link.local,
      remote: link.remote,
      start(given) {
        receiver = given;
        link.start({
          data(chunk) {
            const bytes = chunk.slice();
            later(() => isClosed || receiver!.data(bytes));
            return false;
          },
          ended: () => later(() => isClosed || receiver!.ended()),
          written() {},
          closed: (cause) => later(() => closed(cause)),
        });
      },
      pause() {},
      resume() {},
      write(bytes) {
        const sent = bytes.slice();
        if (options.random() >= options.cuts) later(() => isClosed || link.write(sent));
        else if (options.random() < 0.5) later(breaks);
        else {
          later(() => {
            if (!isClosed) link.write(sent);
            later(() => isClosed || breaks()); // the answer was under way
          });
        }
        return true;
      },
      end: () => later(() => isClosed || link.end()),
      abort() {
        link.abort();
        closed(undefined);
      },
    };
  };
  return {
    ...inner,
    get cut() {
      return cut;
    },
    connect: (target) =>
      new Promise((resolve, reject) => {
        clock.after(2 * delayMs, () => {
          inner.connect(target).then((link) => resolve(weak(link)), reject);
        });
      }),
  };
}
