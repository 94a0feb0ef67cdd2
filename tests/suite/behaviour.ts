/**
 * The suite: one behaviour after the other, each the set-up of a server and what a client does with it.
 * It is run for every pair of runtimes that `matrix.ts` can make.
 *
 * @module
 */

import { errors } from "./behaviours/errors.ts";
import { slowConsumer, slowReader, window } from "./behaviours/flow.ts";
import { drain, reconnect, session } from "./behaviours/life.ts";
import { features, ownProtocol } from "./behaviours/protocols.ts";
import { connections, large, limits } from "./behaviours/sizes.ts";
import { echoWire, helloWire, split, wire } from "./behaviours/wire.ts";
import type { Behaviour } from "./sides.ts";

/** All behaviours, in the order in which they are tried. */
export const BEHAVIOURS: readonly Behaviour[] = [
  wire,
  helloWire,
  echoWire,
  split,
  errors,
  window,
  slowReader,
  slowConsumer,
  drain,
  reconnect,
  session,
  large,
  limits,
  connections,
  features,
  ownProtocol,
];

/** @throws Error when there is none of that name. */
export function behaviourOf(id: string): Behaviour {
  const behaviour = BEHAVIOURS.find((behaviour) => behaviour.id === id);
  if (behaviour === undefined) throw new Error(`there is no behaviour ${id}`);
  return behaviour;
}
