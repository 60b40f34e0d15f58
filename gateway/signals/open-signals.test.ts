import { describe, expect, test } from "@jest/globals";
import { Refusal, REPORT_REQUEST_TOPIC, reportTopic, type GatewayReport, type Pool, type Snapshot } from "#crds";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { memoryBus, publishedOn } from "../testing/memory-bus.ts";
import { STALE_MS } from "./aggregate.ts";
import { answerReports } from "./answer.ts";
import { createIntake } from "./intake.ts";
import { openSignals, type SignalsOptions } from "./open-signals.ts";

const pool: Pool = {
  name: "chat",
  events: ["chat:*"],
  mode: "job",
  orderBy: "none",
  concurrency: 1,
  timeoutSeconds: 30,
  retry: { attempts: 5, backoffSeconds: 1, maxBackoffSeconds: 60 },
};

const gateway = (node: string): GatewayReport => ({ node, connections: 1, carried: 0, draining: false });

const open = (over: Partial<SignalsOptions> = {}) => {
  const bus = memoryBus();
  const signals = openSignals({
    node: "g1",
    bus,
    broker: () => ({ depth: async () => ({ ready: 7, dead: 1 }), connected: () => true }),
    store: { connected: () => true },
    membership: { members: () => [] },
    pools: () => [pool],
    own: () => gateway("g1"),
    log: silentLog(),
    everyMs: 20,
    ...over,
  });
  return { bus, signals, [Symbol.asyncDispose]: () => signals[Symbol.asyncDispose]() };
};

const nextOf = async (signals: ReturnType<typeof open>["signals"], isIt: (snapshot: Snapshot) => boolean) => {
  const seen: Snapshot[] = [];
  const stream = signals.open((snapshot) => seen.push(snapshot));
  return await eventually(() => {
    const found = seen.find(isIt);
    if (found === undefined) throw new Error(`none of ${JSON.stringify(seen.slice(-1))}`);
    return found;
  }).finally(() => stream[Symbol.dispose]());
};

describe("signals", () => {
  test("while nobody listens, nobody is asked", async () => {
    await using opened = open();
    const { bus } = opened;
    expect(bus.published).toEqual([]);
  });

  test("gateways and workers that answer are in the snapshot, with the pool's depth", async () => {
    await using opened = open();
    const { bus, signals } = opened;
    await answerReports(bus, () => gateway("g2"), createIntake());
    const inHand = [{ id: "1", event: "chat:slow", attempt: 1, since: 1 }];
    const worker = { node: "w1", pool: "chat", inHand, done: 0, failed: 0 };
    await bus.subscribe(REPORT_REQUEST_TOPIC, () =>
      bus.publish(reportTopic("g1"), Buffer.from(JSON.stringify({ worker }))),
    );
    const snapshot = await nextOf(signals, ({ gateways, workers }) => gateways.length === 2 && workers.length === 1);
    expect(snapshot.gateways.map(({ node }) => node).sort()).toEqual(["g1", "g2"]);
    expect(snapshot.pools).toMatchObject([{ pool: "chat", ready: 7, unacked: 1, dead: 1 }]);
    expect(snapshot.servers).toEqual({ broker: true, adapter: true, store: true });
  });

  test("while a worker of the pool is silent, or the bus is away, what is in hand is unknown, not nothing", async () => {
    const members = [
      { node: "g1", instance: "g", role: "gateway" as const },
      { node: "w1", instance: "w", role: "worker" as const, pool: "chat" },
    ];
    await using opened = open({ membership: { members: () => members } });
    const { bus, signals } = opened;
    expect((await nextOf(signals, () => true)).pools).toEqual([{ pool: "chat", ready: 7, dead: 1 }]);
    await bus.subscribe(REPORT_REQUEST_TOPIC, () =>
      bus.publish(
        reportTopic("g1"),
        Buffer.from(JSON.stringify({ worker: { node: "w1", pool: "chat", inHand: [], done: 0, failed: 0 } })),
      ),
    );
    await nextOf(signals, ({ pools }) => pools[0]?.unacked === 0);
    bus.setConnected(false);
    const snapshot = await nextOf(signals, ({ servers }) => !servers.adapter);
    expect(snapshot.pools[0]).toMatchObject({ ready: 7 });
    expect(snapshot.pools[0]?.unacked).toBeUndefined();
  });

  test("what is no report and what is no request is passed over", async () => {
    await using opened = open();
    const { bus, signals } = opened;
    await answerReports(bus, () => gateway("g2"), createIntake());
    bus.publish(REPORT_REQUEST_TOPIC, Buffer.from("{"));
    bus.publish(REPORT_REQUEST_TOPIC, Buffer.from('{"node": 1}'));
    signals.open(() => undefined);
    bus.publish(reportTopic("g1"), Buffer.from("not JSON"));
    bus.publish(reportTopic("g1"), Buffer.from('{"gateway": {}}'));
    expect(await nextOf(signals, ({ gateways }) => gateways.length === 2)).toBeDefined();
  });

  test.each<[string, Partial<SignalsOptions>, boolean]>([
    [
      "a broker that refuses leaves the depth unknown",
      {
        broker: () => ({
          depth: () => Promise.reject(new Refusal("broker_unavailable")),
          connected: () => false,
        }),
      },
      false,
    ],
    [
      "a broker that hangs leaves the depth unknown, and the snapshots come",
      { broker: () => ({ depth: () => new Promise(() => undefined), connected: () => true }) },
      true,
    ],
    ["no broker yet is a broker that does not answer", { broker: () => undefined }, false],
  ])("%s", async (_sentence, over, broker) => {
    await using opened = open(over);
    const { signals } = opened;
    const snapshot = await nextOf(signals, ({ pools }) => pools[0]?.outRate !== undefined);
    expect(snapshot.pools).toEqual([{ pool: "chat", outRate: 0, failedRate: 0 }]);
    expect(snapshot.servers.broker).toBe(broker);
  });

  test("a broker that hangs is asked once, not once per snapshot", async () => {
    let asked = 0;
    const broker = {
      depth: () => {
        asked += 1;
        return new Promise<never>(() => undefined);
      },
      connected: () => true,
    };
    await using opened = open({ broker: () => broker });
    const { signals } = opened;
    let snapshots = 0;
    signals.open(() => (snapshots += 1));
    await eventually(() => expect(snapshots).toBeGreaterThan(3));
    expect(asked).toBe(1);
  });

  test("a job where there is no worker makes a snapshot at once, with the depth as it is then; more of them make one more", async () => {
    const depth = { ready: 0, dead: 0 };
    await using opened = open({
      broker: () => ({ depth: async () => ({ ...depth }), connected: () => true }),
      everyMs: 2000,
      urgentMs: 50,
    });
    const { bus, signals } = opened;
    const intake = createIntake();
    await answerReports(bus, () => gateway("g2"), intake);
    const seen: (number | undefined)[] = [];
    const asked = () => publishedOn(bus, REPORT_REQUEST_TOPIC);
    signals.open(({ pools }) => seen.push(pools[0]?.ready));
    await eventually(() => expect([seen.length, asked()]).toEqual([1, 2]));
    const take = (jobs: number) => {
      for (let i = 0; i < jobs; i++) intake.taken("chat");
      depth.ready += jobs;
    };
    take(1);
    await eventually(() => expect(seen.at(-1)).toBe(1));
    take(500);
    await eventually(() => expect(seen.at(-1)).toBe(501));
    expect(seen).toEqual([0, 1, 501]);
    expect(asked()).toBe(2);
  });

  test("a depth whose answer is late is as it was, until that is as old as a report may be", async () => {
    const clock = { now: 0 };
    let asked = 0;
    const depth = () => (++asked === 1 ? Promise.resolve({ ready: 7, dead: 1 }) : new Promise<never>(() => undefined));
    await using opened = open({ broker: () => ({ depth, connected: () => true }), now: () => clock.now });
    const seen: Snapshot[] = [];
    opened.signals.open((snapshot) => seen.push(snapshot));
    const ready = () => seen.at(-1)?.pools[0]?.ready;
    await eventually(() => expect(asked).toBe(2));
    clock.now = STALE_MS;
    const before = seen.length;
    await eventually(() => expect(seen.length).toBeGreaterThan(before + 3));
    expect(ready()).toBe(7);
    clock.now += 1;
    await eventually(() => expect(ready()).toBeUndefined());
  });

  test("no pool needs no broker", async () => {
    await using opened = open({ broker: () => undefined, pools: () => [] });
    const { signals } = opened;
    expect((await nextOf(signals, () => true)).servers.broker).toBe(true);
  });

  test("the last listener that goes ends the asking and the hearing; the next begins anew", async () => {
    await using opened = open();
    const { bus, signals } = opened;
    const streams = [signals.open(() => undefined), signals.open(() => undefined)];
    expect(bus.listening(reportTopic("g1"))).toBe(1);
    await eventually(() => expect(publishedOn(bus, REPORT_REQUEST_TOPIC)).toBeGreaterThan(0));
    for (const stream of streams) stream[Symbol.dispose]();
    await eventually(() => expect(bus.listening(reportTopic("g1"))).toBe(0));
    expect(await nextOf(signals, () => true)).toBeDefined();
  });
});
