/** One of three servers is lost, in each way there is: calls go on elsewhere and none is lost. */

import t from "tap";
import { failoverTrial, FAULTS } from "./failover_trial.ts";

t.test("a server is black-holed, reset, killed and left half open under load: idempotent calls lose nothing", async (t) => {
  const { figures, lost, failures } = await failoverTrial({
    clients: 20,
    workers: 1,
    restMs: 20,
    awayMs: 500,
    healMs: 300,
    // The trial keeps to 2,000 ms; a busy machine is given more, so that it does not fail for being busy.
    budgetMs: 4000,
    timeoutMs: 120_000,
  });
  t.strictSame(figures.map(({ fault }) => fault), ["none", ...FAULTS]);
  t.ok(figures.every(({ calls }) => calls > 0), JSON.stringify(figures));
  t.strictSame(failures.slice(0, 3), [], "every call succeeds");
  t.equal(lost, 0, "and was handled");
});
