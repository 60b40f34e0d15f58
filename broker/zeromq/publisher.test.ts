import { describe, expect, test } from "@jest/globals";
import type { BrokerCall, Job, Pool } from "#crds";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { createPublisher } from "./publisher.ts";

const POOL: Pool = {
  name: "pool",
  events: ["*"],
  mode: "job",
  orderBy: "none",
  concurrency: 1,
  timeoutSeconds: 1,
  retry: { attempts: 3, backoffSeconds: 1, maxBackoffSeconds: 1 },
};
const aJob = (id: string): Job => ({ v: 1, id, event: "e", payload: 1, mode: "job", at: 0 });
const DEATH = { reason: "failed", error: "boom", at: 7 } as const;

/** A publisher on a line whose other end is the test. */
const setUp = () => {
  const calls: BrokerCall[] = [];
  const line = { up: true, full: false };
  const publisher = createPublisher({
    say: (call) => {
      if (!line.up || line.full) return false;
      calls.push(call);
      return true;
    },
    log: silentLog(),
    connected: () => line.up,
    confirmMs: 300,
    graceMs: 200,
    maxWaiting: 2,
  });
  const publish = (id: string, pool = POOL) =>
    publisher.publish(pool, "q", aJob(id)).then(
      () => `${id} taken`,
      (error: unknown) => `${id} ${Object(error).code}`,
    );
  return {
    publisher,
    line,
    publish,
    /** A job that the hub has taken. */
    taken: async (n: number, id: string, pool = POOL) => {
      const said = publish(id, pool);
      publisher.hear(["taken", n, n]);
      expect(await said).toBe(`${id} taken`);
    },
    heard: () =>
      calls.splice(0).map((call) => {
        const fields = call.filter((field) => field !== null);
        return fields.map((field) => (typeof field === "string" ? field : JSON.stringify(field))).join(" ");
      }),
    go: () => {
      line.up = false;
      publisher.down();
    },
    come: (fresh: boolean) => {
      line.up = true;
      publisher.up(fresh);
    },
  };
};

describe("a publisher on the hub", () => {
  test("a publish is refused where the hub does not confirm, is full, or the line is", async () => {
    const it = setUp();
    const unconfirmed = it.publish("a");
    const full = it.publish("b");
    it.publisher.hear(["full", 2]);
    expect(await full).toBe("b queue_full");
    it.line.full = true;
    expect(await it.publish("c")).toBe("c broker_unavailable");
    expect(await unconfirmed).toBe("a broker_unavailable");
  });

  test("while the hub has just gone, a few wait for it; later ones are refused at once", async () => {
    const it = setUp();
    it.go();
    const waiting = ["a", "b"].map((id) => it.publish(id));
    expect(await it.publish("c")).toBe("c broker_unavailable");
    expect(await Promise.all(waiting)).toEqual(["a broker_unavailable", "b broker_unavailable"]);
    expect(await it.publish("d")).toBe("d broker_unavailable");
    it.come(false);
    await it.taken(3, "e");
  });

  test("a hub that came back empty is offered what was taken, as it is now, then what was not confirmed", async () => {
    const it = setUp();
    for (const [index, id] of ["a", "b", "c", "d"].entries()) await it.taken(index + 1, id);
    await it.taken(5, "r", { ...POOL, mode: "request" });
    it.publisher.hear(["finished", 1]);
    it.publisher.hear(["again", 2, 2, 0]);
    it.publisher.hear(["died", 3, 3, DEATH]);
    const late = it.publish("late");
    it.heard();
    it.go();
    it.come(true);
    await eventually(() => expect(it.heard()).toContain("submit 6 q late"));
    it.publisher.hear(["taken", 6, 60]);
    expect(await late).toBe("late taken");
    it.publisher.hear(["again", 3, 1, 0]);
    it.go();
    it.come(true);
    expect(it.heard()).toEqual([
      "offer 2 q b 2 2 0",
      "offer 3 q c 1 3 0",
      "offer 4 q d 1 4 0",
      "offer 6 q late 1 60 0",
    ]);
  });

  test("one that was away only is asked what it has finished meanwhile", async () => {
    const it = setUp();
    for (const [index, id] of ["a", "b"].entries()) await it.taken(index + 1, id);
    it.heard();
    it.go();
    it.come(false);
    expect(it.heard()).toEqual(["have [1,2]"]);
    it.publisher.hear(["gone", [1]]);
    it.go();
    it.come(true);
    expect(it.heard()).toEqual(["offer 2 q b 1 2 0"]);
  });

  test("what it has not said to have is offered again when the line to it breaks on the way", async () => {
    const it = setUp();
    for (const [index, id] of ["a", "b"].entries()) await it.taken(index + 1, id);
    it.go();
    it.come(true);
    it.publisher.hear(["taken", 1, 1]);
    it.heard();
    it.go();
    it.come(false);
    expect(it.heard()).toEqual(["have [1]", "offer 2 q b 1 2 0"]);
  });

  test("one that stops waits a while for a hub that is away, and gives it what was taken", async () => {
    const it = setUp();
    await it.taken(1, "a");
    it.heard();
    it.go();
    let closed = false;
    const closing = it.publisher.close().then(() => (closed = true));
    it.come(true);
    expect(it.heard()).toEqual(["offer 1 q a 1 1 0"]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed).toBe(false);
    it.publisher.hear(["taken", 1, 1]);
    await closing;
  });

  test("one that stops while the hub stays away stops all the same", async () => {
    const it = setUp();
    await it.taken(1, "a");
    it.go();
    await it.publisher.close();
  });

  test("what a hub that came back is too full for is offered again", async () => {
    const it = setUp();
    await it.taken(1, "a");
    it.heard();
    it.go();
    it.come(true);
    expect(it.heard()).toEqual(["offer 1 q a 1 1 0"]);
    it.publisher.hear(["full", 1]);
    await eventually(() => expect(it.heard()).toEqual(["offer 1 q a 1 1 0"]));
    it.publisher.hear(["taken", 1, 9]);
    await it.publisher.close();
  });
});
