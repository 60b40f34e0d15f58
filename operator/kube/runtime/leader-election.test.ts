import { describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import { ApiError } from "./client.ts";
import { fenced } from "./fenced.ts";
import { runLeaderElected } from "./leader-election.ts";
import { freeAt, heldBy, microTime, observed, recordOf, type LeaseRecord } from "./lease.ts";
import { manualClock } from "./manual-clock.ts";
import { memoryClient } from "./memory-client.ts";

const REF = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", namespace: "default", name: "work" };

describe("the record", () => {
  const held = (holder: string, rest: Partial<LeaseRecord> = {}): LeaseRecord => ({
    holder,
    durationSeconds: 15,
    transitions: 3,
    acquireTime: "a",
    renewTime: "r",
    ...rest,
  });
  const TODAY = Date.UTC(2026, 0, 1);
  const NOW = "2026-01-01T00:00:00.000000Z";

  test.each<[title: string, before: LeaseRecord | undefined, spec: object]>([
    ["nobody's yet: no transition", undefined, { leaseTransitions: 0, acquireTime: NOW }],
    ["released: a transition", held(""), { leaseTransitions: 4, acquireTime: NOW }],
    ["another's: a transition", held("b"), { leaseTransitions: 4, acquireTime: NOW }],
    ["our own: renewed", held("a"), { leaseTransitions: 3, acquireTime: "a" }],
  ])("taken when it was %s", (_title, before, spec) => {
    expect(heldBy("a", before, { today: TODAY, durationMs: 15_000 })).toEqual({
      holderIdentity: "a",
      leaseDurationSeconds: 15,
      renewTime: microTime(TODAY),
      ...spec,
    });
  });

  test.each<[title: string, record: LeaseRecord, at: number]>([
    ["another's: after its duration, counted from when we saw it change", held("b"), 15_100],
    ["another's with a duration of its own: after that", held("b", { durationSeconds: 60 }), 60_100],
    ["released: at once", held(""), -Infinity],
    ["our own: at once", held("a"), -Infinity],
  ])("may be taken when it is %s", (_title, record, at) => {
    expect(freeAt({ record, since: 100 }, "a", 15_000)).toBe(at);
  });

  test("only a change counts as a sign of life, whatever the times in it say", () => {
    const first = observed(undefined, held("b"), 100);
    expect(observed(first, held("b"), 9000).since).toBe(100);
    expect(observed(first, held("b", { renewTime: "2000-01-01T00:00:00Z" }), 9000).since).toBe(9000);
  });
});

/** Candidates `a`, `b`, … on one API server and one clock; `led` tells who started and stopped leading. */
const electorate = () => {
  const clock = manualClock();
  const client = memoryClient();
  const led: string[] = [];
  const stand = (identity: string, { via = client, onLead = async () => {} } = {}) => {
    const registry = new Registry();
    const candidate = runLeaderElected({
      client: via,
      lease: { namespace: "default", name: "work" },
      identity,
      clock,
      registry,
      today: () => clock.now(),
      random: () => 0,
      log: silentLog(),
      onLead: async ({ signal }) => {
        led.push(`${identity} leads`);
        signal.addEventListener("abort", () => led.push(`${identity} lost`));
        await onLead();
        return {
          async [Symbol.asyncDispose]() {
            led.push(`${identity} ended${candidate.isLeader() ? " as leader" : ""}`);
          },
        };
      },
    });
    return { candidate, registry };
  };
  const lease = async () => {
    const object = await client.get(REF);
    return object === undefined ? undefined : recordOf(object);
  };
  return { clock, client, led, stand, lease };
};

describe("who leads", () => {
  test("one of two, for as long as it renews", async () => {
    const { clock, led, stand, lease } = electorate();
    const { candidate: a, registry } = stand("a");
    const { candidate: b } = stand("b");
    await clock.pass(120_000);
    expect(led).toEqual(["a leads"]);
    expect([a.isLeader(), b.isLeader()]).toEqual([true, false]);
    expect(await lease()).toMatchObject({ holder: "a", transitions: 0 });
    expect(await registry.metrics()).toContain('leader_election_master_status{name="work"} 1');
    await a[Symbol.asyncDispose]();
    await b[Symbol.asyncDispose]();
  });

  test("the leader ends its work as leader, releases, and the other leads at its next look", async () => {
    const { clock, led, stand, lease } = electorate();
    const { candidate: a } = stand("a");
    await clock.pass(100);
    const { candidate: b } = stand("b");
    await clock.pass(5000);
    await a[Symbol.asyncDispose]();
    expect(a.isLeader()).toBe(false);
    expect(await lease()).toMatchObject({ holder: "", durationSeconds: 1 });
    await clock.pass(2000);
    expect(led).toEqual(["a leads", "a ended as leader", "b leads"]);
    expect(await lease()).toMatchObject({ holder: "b", transitions: 1 });
    await b[Symbol.asyncDispose]();
  });

  test("a leader that is still starting is told to stop, and releases", async () => {
    const { clock, client, lease } = electorate();
    const candidate = runLeaderElected({
      client,
      lease: { namespace: "default", name: "work" },
      identity: "a",
      clock,
      today: () => clock.now(),
      log: silentLog(),
      onLead: ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    });
    let lost: Error | undefined;
    void candidate.lost.then((error) => (lost = error));
    await clock.pass(5000);
    expect(await lease()).toMatchObject({ holder: "a" });
    await candidate[Symbol.asyncDispose]();
    expect(await lease()).toMatchObject({ holder: "" });
    expect(lost).toBeUndefined();
  });

  test("a candidate that never led leaves the lease alone", async () => {
    const { clock, stand, lease } = electorate();
    const { candidate: a } = stand("a");
    await clock.pass(100);
    const { candidate: b } = stand("b");
    await clock.pass(100);
    await b[Symbol.asyncDispose]();
    expect(await lease()).toMatchObject({ holder: "a" });
    await a[Symbol.asyncDispose]();
  });

  test("cut off, the leader stops by itself before another can lead", async () => {
    const { clock, client, led, stand } = electorate();
    const isCut = { value: false };
    const cut = memoryClient();
    const own = {
      ...cut,
      ...client,
      merge: async (...args: Parameters<typeof client.merge>) => {
        if (isCut.value) throw new Error("connect ECONNREFUSED");
        return client.merge(...args);
      },
    };
    const { candidate: a, registry } = stand("a", { via: own });
    await clock.pass(100);
    const { candidate: b } = stand("b");
    await clock.pass(4000);
    isCut.value = true;
    await clock.pass(9000);
    expect(a.isLeader()).toBe(true);
    await clock.pass(1000);
    expect(led).toEqual(["a leads", "a lost"]);
    expect((await a.lost).message).toContain("not renewed");
    expect(await registry.metrics()).toContain('leader_election_master_status{name="work"} 0');
    await clock.pass(5100);
    expect(led).toEqual(["a leads", "a lost", "b leads"]);
    await a[Symbol.asyncDispose]();
    expect(b.isLeader()).toBe(true);
    await b[Symbol.asyncDispose]();
  });

  test("a server that does not answer is not waited for", async () => {
    const { clock, client, led, stand } = electorate();
    const { candidate: a } = stand("a");
    await clock.pass(4000);
    client.intercept(() => new Promise(() => {}));
    await clock.pass(10_000);
    expect(led).toEqual(["a leads", "a lost"]);
    expect(a.silentMs()).toBeLessThan(10_000);
  });

  test("the API server away for five seconds changes nothing, for a minute: the standby takes over when it is back", async () => {
    const { clock, client, led, stand } = electorate();
    const away = () => {
      throw new Error("connect ECONNREFUSED");
    };
    const { candidate: a } = stand("a");
    await clock.pass(100);
    const { candidate: b } = stand("b");
    await clock.pass(3000);
    client.intercept(away);
    await clock.pass(5000);
    client.intercept(() => {});
    await clock.pass(30_000);
    expect(led).toEqual(["a leads"]);
    client.intercept(away);
    await clock.pass(60_000);
    expect(led).toEqual(["a leads", "a lost"]);
    client.intercept(() => {});
    await clock.pass(2000);
    expect(led).toEqual(["a leads", "a lost", "b leads"]);
    await a[Symbol.asyncDispose]();
    await b[Symbol.asyncDispose]();
  });

  test("stopped and continued, it knows that it does not lead before it does anything", async () => {
    const { clock, client, led, stand } = electorate();
    const { candidate: a } = stand("a");
    await clock.pass(3000);
    const writer = fenced(client, a.isLeader);
    clock.leap(20_000);
    expect(a.isLeader()).toBe(false);
    await expect(writer.delete(REF)).rejects.toThrow("does not lead");
    const requests = client.requests.length;
    await clock.pass(0);
    expect(led).toEqual(["a leads", "a lost"]);
    expect(client.requests).toHaveLength(requests);
  });

  test("a renewal whose answer comes too late is none", async () => {
    const { clock, client, led, stand } = electorate();
    stand("a");
    await clock.pass(1900);
    client.intercept(() => clock.leap(20_000));
    await clock.pass(200);
    expect(led).toEqual(["a leads", "a lost"]);
  });

  test("a lease that was given to another by hand is lost at once", async () => {
    const { clock, client, led, stand } = electorate();
    const { candidate: a } = stand("a");
    await clock.pass(1000);
    await client.merge(REF, { spec: { holderIdentity: "c" } }, { fieldManager: "kubectl" });
    await clock.pass(2000);
    expect(led).toEqual(["a leads", "a lost"]);
    expect((await a.lost).message).toContain("held by c");
  });

  test("a lease that was deleted, or written to by another, is taken again by who leads", async () => {
    const { clock, client, led, stand, lease } = electorate();
    const { candidate: a } = stand("a");
    await clock.pass(1000);
    await client.delete(REF);
    await clock.pass(3000);
    await client.merge(REF, { metadata: { labels: { some: "label" } } }, { fieldManager: "kubectl" });
    await clock.pass(30_000);
    expect(led).toEqual(["a leads"]);
    expect(await lease()).toMatchObject({ holder: "a" });
    await a[Symbol.asyncDispose]();
  });

  test("of two that take a free lease at the same moment, one leads", async () => {
    const { clock, led, stand } = electorate();
    const candidates = [stand("a"), stand("b"), stand("c")];
    await clock.pass(60_000);
    expect(led).toHaveLength(1);
    for (const { candidate } of candidates) await candidate[Symbol.asyncDispose]();
  });

  test("refused writes (409) by the server's own doing are tried again", async () => {
    const { clock, client, led, stand } = electorate();
    const { candidate: a } = stand("a");
    await clock.pass(1000);
    let refusals = 3;
    client.intercept(({ verb }) => {
      if (verb === "merge" && refusals-- > 0) throw new ApiError(409, "Conflict", "try again");
    });
    await clock.pass(30_000);
    expect(led).toEqual(["a leads"]);
    await a[Symbol.asyncDispose]();
  });

  test("what cannot start does not lead", async () => {
    const { clock, stand } = electorate();
    const { candidate } = stand("a", { onLead: () => Promise.reject(new Error("no informer")) });
    await clock.pass(100);
    expect(candidate.isLeader()).toBe(false);
    expect((await candidate.lost).cause).toEqual(new Error("no informer"));
    await candidate[Symbol.asyncDispose]();
  });
});

test("a fenced client reads always and writes only while it may", async () => {
  const client = memoryClient();
  let mayAct = true;
  const it = fenced(client, () => mayAct);
  const object = { apiVersion: "v1", kind: "Thing", metadata: { name: "a" } };
  await it.create(object, { fieldManager: "test" });
  mayAct = false;
  const sent = client.requests.length;
  await expect(it.create(object, { fieldManager: "test" })).rejects.toThrow("nothing was written");
  await expect(it.apply(object, { fieldManager: "test", force: true })).rejects.toThrow("nothing was written");
  await expect(it.merge({ ...object, name: "a" }, {}, { fieldManager: "test" })).rejects.toThrow("nothing was written");
  await expect(it.delete({ ...object, name: "a" })).rejects.toThrow("nothing was written");
  expect(client.requests).toHaveLength(sent);
  expect(await it.get({ ...object, name: "a" })).toMatchObject(object);
  expect(await it.list({ apiVersion: "v1", kind: "Thing" })).toHaveLength(1);
});
