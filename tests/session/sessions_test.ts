/** Sessions: begun, resumed by their secret alone, committed before anything leaves, and forgotten. */

import t from "tap";
import { isFramewireError } from "../../src/errors.ts";
import { memoryStore } from "../../src/session/memory_store.ts";
import type { Session, SessionCarrier, SessionReply } from "../../src/session/session.ts";
import { Sessions } from "../../src/session/sessions.ts";
import type { SessionChanges, SessionStore, StoredSession } from "../../src/session/store.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const LIMITS = {
  window: 64,
  maxResponseBytes: 1000,
  maxPushBytes: 200,
  retentionMs: 1000,
  maxSessions: 3,
};

/** A connection that notes what it is to send. */
class Carrier implements SessionCarrier {
  readonly id = 1;
  readonly sent: string[] = [];
  isOver = false;
  takenOver(): void {
    this.isOver = true;
  }
  over(): void {
    this.isOver = true;
  }
  send(answers: readonly SessionReply[], pushed: boolean): void {
    for (const { seq, result, to } of answers) {
      this.sent.push(`answer ${seq}: ${result}${to === this ? "" : ", of another"}`);
    }
    if (pushed) this.sent.push("pushes");
  }
}

function finish(session: Session, seq: number, result: number, to: Carrier): void {
  session.finish({ seq, result, payload: undefined, to, command: 2, wireBytes: 13 });
}

/** The pushes that a client has to be sent. */
function pushesOf(session: Session): number[] {
  const seqs = [];
  for (let seq = session.acknowledgedPush + 1; seq <= session.lastPush; seq++) {
    seqs.push(session.pushAt(seq).seq);
  }
  return seqs;
}

function setUp(store: SessionStore = memoryStore(), clock = new VirtualClock()): {
  readonly sessions: Sessions;
  readonly clock: VirtualClock;
  readonly errors: unknown[];
  readonly expired: string[];
} {
  const errors: unknown[] = [];
  const now = () => clock.now();
  const expired: string[] = [];
  const sessions = new Sessions(store, LIMITS, clock, now, {
    failed: (error) => errors.push(error),
    expired: ({ id }) => expired.push(id),
  });
  return { sessions, clock, errors, expired };
}

t.test("a session is resumed by its secret and its owner, and by nothing else", async (t) => {
  const { sessions } = setUp();
  const begun = (await sessions.begin("ann"))!;
  t.match(begun.session.id, /^[0-9a-f]{32}$/);
  t.match(begun.secret, /^[0-9a-f]{64}$/);
  const { id } = begun.session;
  t.equal(await sessions.resume(id, begun.secret, "ann"), begun.session);
  t.equal(await sessions.resume(id, begun.secret, "bob"), undefined);
  t.equal(await sessions.resume(id, begun.secret.replace(/^./, "x"), "ann"), undefined);
  t.equal(await sessions.resume(id, "", "ann"), undefined);
  t.equal(await sessions.resume("f".repeat(32), begun.secret, "ann"), undefined);
  t.not((await sessions.begin("ann"))!.secret, begun.secret);
  sessions.close();
});

t.test("answers and pushes leave when they are committed, by what carries the session then", async (t) => {
  const { sessions, clock } = setUp();
  const { session } = (await sessions.begin(""))!;
  const first = new Carrier();
  session.attach(first, 0, clock.now());
  session.begin(1);
  session.begin(2);
  finish(session, 1, 0, first);
  t.equal(session.uncommitted(1)?.result, 0);
  t.strictSame(first.sent, [], "nothing leaves before the commit");
  sessions.commit();
  t.strictSame(first.sent, ["answer 1: 0"]);
  t.equal(session.uncommitted(1), undefined);

  session.detach(first, clock.now());
  t.equal(session.push(Uint8Array.of(7)), 1);
  sessions.commit();
  t.equal(session.look(2), "pending");
  const second = new Carrier();
  session.attach(second, 0, clock.now());
  t.strictSame(pushesOf(session), [1]);
  finish(session, 2, 1, first);
  t.equal(session.push(Uint8Array.of(8)), 2);
  sessions.commit();
  t.strictSame(second.sent, ["answer 2: 1, of another", "pushes"]);
  t.strictSame(first.sent, ["answer 1: 0"]);
  t.equal(session.uncommitted(1), undefined);

  const third = new Carrier();
  session.attach(third, session.pushOf(2)!, clock.now());
  t.strictSame(pushesOf(session), []);
  t.ok(second.isOver, "the one before is told");
  t.equal(session.pushOf(3), undefined, "nobody has push 3");
  sessions.close();
});

t.test("a push that is not committed yet is sent once, not twice", async (t) => {
  const { sessions, clock } = setUp();
  const { session } = (await sessions.begin(""))!;
  session.push(Uint8Array.of(1));
  const carrier = new Carrier();
  session.attach(carrier, 0, clock.now());
  t.strictSame(pushesOf(session), [], "not before the commit");
  t.equal(session.pushOf(1), undefined, "nobody can have it");
  sessions.commit();
  t.strictSame(carrier.sent, ["pushes"]);
  t.strictSame(pushesOf(session), [1]);
  t.equal(
    session.push(new Uint8Array(80)),
    0,
    "there is room for 200 bytes, and each takes 64 more",
  );
  t.equal(session.push(new Uint8Array(71)), 2);
  sessions.close();
});

t.test("what is too old is forgotten, and what is in use is not", async (t) => {
  const { sessions, clock, expired } = setUp();
  const unused = (await sessions.begin(""))!;
  const used = (await sessions.begin(""))!;
  used.session.attach(new Carrier(), 0, clock.now());
  clock.advance(LIMITS.retentionMs + LIMITS.retentionMs / 4 + 1);
  t.equal(sessions.size, 1);
  t.strictSame(expired, [unused.session.id]);
  t.ok(unused.session.isOver);
  t.equal(await sessions.resume(unused.session.id, unused.secret, ""), undefined);
  t.equal(await sessions.resume(used.session.id, used.secret, ""), used.session);
  sessions.close();
  t.equal(clock.pending, 0, "and no timer is left");
});

t.test("over the limit the one unused for the longest time gives way, but never one in use", async (t) => {
  const { sessions, clock } = setUp();
  const begun = [];
  for (let i = 0; i < LIMITS.maxSessions; i++) {
    begun.push((await sessions.begin(""))!);
    clock.advance(1);
  }
  begun[0]!.session.attach(new Carrier(), 0, clock.now());
  t.ok(await sessions.begin(""));
  t.equal(await sessions.resume(begun[1]!.session.id, begun[1]!.secret, ""), undefined);
  for (const { session } of [begun[2]!]) session.attach(new Carrier(), 0, clock.now());
  const last = (await sessions.begin(""))!;
  last.session.attach(new Carrier(), 0, clock.now());
  t.equal(await sessions.begin(""), undefined, "all are in use");
  sessions.close();
});

t.test("a store that fails acknowledges nothing and ends the connections concerned", async (t) => {
  let fails = false;
  const store: SessionStore = {
    ...memoryStore(),
    commit: () => {
      if (fails) throw new Error("disk full");
    },
  };
  const { sessions, clock, errors } = setUp(store);
  const one = (await sessions.begin(""))!;
  const other = (await sessions.begin(""))!;
  const carriers = [new Carrier(), new Carrier()];
  one.session.attach(carriers[0]!, 0, clock.now());
  other.session.attach(carriers[1]!, 0, clock.now());
  sessions.commit();
  fails = true;
  one.session.begin(1);
  finish(one.session, 1, 0, carriers[0]!);
  sessions.commit();
  t.strictSame(carriers[0]!.sent, []);
  t.ok(carriers[0]!.isOver);
  t.notOk(carriers[1]!.isOver, "a session that had no part in it goes on");
  t.ok(isFramewireError(errors[0], "SESSION_STORE_FAILED"));
  t.match((errors[0] as Error).message, "disk full");
  sessions.close();
});

t.test("handlers run in the store's transaction, and their answers are in the same one", async (t) => {
  const log: string[] = [];
  const store: SessionStore = {
    ...memoryStore(),
    transaction(run) {
      log.push("begin");
      run();
      log.push("end");
    },
    commit: (changes: readonly SessionChanges[]) =>
      log.push(`commit ${changes.map(({ answers }) => answers.length)}`),
  };
  const { sessions, clock } = setUp(store);
  const { session } = (await sessions.begin(""))!;
  const carrier = new Carrier();
  session.attach(carrier, 0, clock.now());
  sessions.transaction(session, () => {
    session.begin(1);
    log.push("handler");
    finish(session, 1, 0, carrier);
  });
  t.strictSame(log, ["begin", "handler", "commit 1", "end"]);
  t.strictSame(carrier.sent, ["answer 1: 0"]);
  sessions.close();
});

t.test("a session is loaded from the store as it was", async (t) => {
  let kept: StoredSession | undefined;
  const store: SessionStore = {
    ...memoryStore(),
    create: (session) => kept = session,
    load: (id) => kept !== undefined && kept.id === id ? kept : undefined,
  };
  const before = setUp(store);
  const { secret, session } = (await before.sessions.begin("ann"))!;
  kept = {
    ...kept!,
    answers: [{ seq: 7, result: 0, payload: undefined }],
    pushes: [{ seq: 4, payload: Uint8Array.of(1) }],
    lastPush: 4,
  };
  const { sessions, clock } = setUp(store);
  const again = (await sessions.resume(session.id, secret, "ann"))!;
  t.equal(again.lastRequest, 7);
  t.equal(again.look(7), "done");
  t.equal(again.lastPush, 4);
  again.attach(new Carrier(), 0, clock.now());
  t.strictSame(pushesOf(again), [4]);
  t.equal(again.push(Uint8Array.of(2)), 5);
  sessions.close();
  before.sessions.close();
});

t.test("no answer is dropped from the store for the sake of a request under way, which the next server does not know", async (t) => {
  let kept: StoredSession | undefined;
  const store: SessionStore = {
    ...memoryStore(),
    create: (session) => kept = session,
    load: () => kept,
    commit: ([change]) => {
      const answers = [...kept!.answers, ...change!.answers]
        .filter(({ seq }) => seq > change!.answersDone)
        .sort((a, b) => a.seq - b.seq);
      kept = { ...kept!, answers };
    },
  };
  const before = setUp(store);
  const { secret, session } = (await before.sessions.begin("ann"))!;
  const carrier = new Carrier();
  session.attach(carrier, 0, 0);
  const { window } = LIMITS;
  for (let seq = 1; seq <= window; seq++) {
    session.begin(seq);
    finish(session, seq, 0, carrier);
  }
  session.begin(window + 2); // and its handler takes its time
  session.begin(window + 1);
  finish(session, window + 1, 0, carrier);
  before.sessions.commit();
  t.equal(session.look(2), "forgotten");

  // The server is killed. What this one knows of is answered up to window + 1.
  const { sessions } = setUp(store);
  const again = (await sessions.resume(session.id, secret, "ann"))!;
  t.equal(again.look(1), "forgotten");
  t.equal(again.look(2), "done", "and not new: its handler has run");
  t.equal(again.look(window + 2), "new", "its client was told nothing");
  sessions.close();
  before.sessions.close();
});

t.test("what the store still has of a session whose time has passed is not resumed", async (t) => {
  let kept: StoredSession | undefined;
  const store: SessionStore = {
    ...memoryStore(),
    create: (session) => kept = session,
    load: () => kept,
  };
  const first = setUp(store);
  const { secret, session } = (await first.sessions.begin("ann"))!;
  first.sessions.close();
  const late = setUp(store);
  late.clock.advance(LIMITS.retentionMs + 1);
  t.equal(await late.sessions.resume(session.id, secret, "ann"), undefined);
  const just = setUp(store);
  just.clock.advance(LIMITS.retentionMs);
  t.equal((await just.sessions.resume(session.id, secret, "ann"))?.id, session.id);
  just.sessions.close();
});

t.test("a session in use stays young in the store, and what comes after its end goes nowhere", async (t) => {
  const commits: SessionChanges[] = [];
  const expiries: number[] = [];
  const store: SessionStore = {
    ...memoryStore(),
    commit: (changes) => void commits.push(...changes),
    expire: (before) => {
      expiries.push(before);
      return 0;
    },
  };
  const { sessions, clock } = setUp(store);
  const { session } = (await sessions.begin(""))!;
  const carrier = new Carrier();
  session.attach(carrier, 0, clock.now());
  clock.advance(LIMITS.retentionMs);
  t.equal(commits.at(-1)?.usedAt, LIMITS.retentionMs, "the next server would know it");
  t.equal(expiries.at(-1), 0);
  session.begin(1);
  sessions.close();
  const { length } = commits;
  finish(session, 1, 0, carrier);
  t.equal(session.push(Uint8Array.of(1)), 0);
  session.touch(5000);
  await Promise.resolve();
  sessions.commit();
  t.equal(commits.length, length);
  t.ok(carrier.isOver);
});
