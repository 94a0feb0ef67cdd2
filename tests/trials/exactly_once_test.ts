/** Submits over a network that breaks, to a server that is killed: with sessions each is handled once. */

import process from "node:process";
import t from "tap";
import { trial, type TrialSize } from "./exactly_once.ts";

t.setTimeout(200_000);

/** Smaller than by command (`deno task trial`, which `.ci/run` calls too): these take seconds. */
const SIZE: TrialSize = { clients: 8, submits: 250, kills: 1 };
/** Trials mostly wait for faults to be over: some go on at once. */
const AT_ONCE = 5;

const builtin = process as { getBuiltinModule?(name: string): unknown };
const skip = builtin.getBuiltinModule?.("node:sqlite") === undefined && "needs node:sqlite";

async function trials(t: Tap, seeds: readonly number[], sessions: boolean): Promise<void> {
  const left = [...seeds];
  const some = async () => {
    for (let seed; (seed = left.shift()) !== undefined;) {
      const { wrong, connections } = await trial(seed, SIZE, sessions);
      t.strictSame(wrong, [], `seed ${seed}`);
      t.ok(connections > SIZE.clients, `seed ${seed} broke connections`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
}

type Tap = {
  strictSame(got: unknown, expected: unknown, what: string): boolean;
  ok(holds: boolean, what: string): boolean;
};

t.test(
  "with sessions each submit is handled once, in order, and every promise settles",
  { skip },
  async (t) => {
    await trials(t, Array.from({ length: 20 }, (_, i) => i + 1), true);
  },
);

t.test("without them every outcome is true", { skip }, async (t) => {
  await trials(t, [101, 102, 103], false);
});
