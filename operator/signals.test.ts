import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { ClusterEvent } from "#crds";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { Registry } from "prom-client";
import { openSignals } from "./signals.ts";
import { signalOf } from "./testing.ts";

let stack: AsyncDisposableStack;
beforeEach(() => void (stack = new AsyncDisposableStack()));
afterEach(() => stack.disposeAsync());

/** A gateway's control port. */
const startControl = async () => {
  const control = {
    streams: [] as ServerResponse[],
    posted: [] as unknown[],
    tokens: new Set<string | undefined>(),
    refusing: false,
    address: "",
    say: (value: unknown) => control.streams.at(-1)?.write(`${JSON.stringify(value)}\n`),
  };
  const server = createServer((request, response) => {
    control.tokens.add(request.headers.authorization);
    if (control.refusing) return void response.writeHead(503).end();
    if (request.url === "/signals") {
      response.writeHead(200).flushHeaders();
      control.streams.push(response);
      return;
    }
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const events: unknown = JSON.parse(body);
      control.posted.push(...(Array.isArray(events) ? (events as unknown[]) : [events]));
      response.writeHead(202).end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  control.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return control;
};

const open = (controls: () => string[], clock: { now: number }, onNews = () => {}) =>
  stack.use(
    openSignals({
      onNews,
      cluster: "chat",
      controls,
      token: async () => "secret",
      log: silentLog(),
      registry: new Registry(),
      now: () => clock.now,
      random: () => 0,
    }),
  );
const { snapshot } = signalOf({ pools: [{ pool: "a", ready: 1, unacked: 2 }] });
const event = (at: number): ClusterEvent => ({ at, role: "worker", instance: "w", what: "ready" });

test("a snapshot has an age, after which it counts as unknown", async () => {
  const control = await startControl();
  const clock = { now: 0 };
  const signals = open(() => [control.address], clock);
  expect(signals.latest("chat")).toBeUndefined();
  await eventually(() => expect(control.say(snapshot)).toBeDefined());
  await eventually(() => expect(signals.latest("chat")?.snapshot).toEqual(snapshot));
  clock.now = 9000;
  expect(signals.latest("chat")?.ageMs).toBe(9000);
  clock.now = 11_000;
  expect(signals.latest("chat")).toBeUndefined();
  expect(signals.latest("other")).toBeUndefined();
  expect([...control.tokens]).toEqual(["Bearer secret"]);
});

test("a stream that ends is opened again, at another gateway", async () => {
  const [one, two] = [await startControl(), await startControl()];
  const signals = open(() => [one.address, two.address], { now: 0 });
  await eventually(() => expect(one.streams).toHaveLength(1));
  one.say(snapshot);
  await eventually(() => expect(signals.latest("chat")).toBeDefined());
  one.streams[0]?.destroy();
  one.refusing = true;
  await eventually(() => expect(two.streams).toHaveLength(1));
  two.say({ ...snapshot, at: 7 });
  await eventually(() => expect(signals.latest("chat")?.snapshot.at).toBe(7));
});

test("a gateway that is cut off does not speak for all, unless the others say the same", async () => {
  const [one, two] = [await startControl(), await startControl()];
  const signals = open(() => [one.address, two.address], { now: 0 });
  const alone = { ...snapshot, servers: { broker: true, adapter: false, store: true } };
  await eventually(() => expect(one.streams).toHaveLength(1));
  one.say({ ...alone, at: 1 });
  await eventually(() => expect(two.streams).toHaveLength(1));
  expect(signals.latest("chat")).toBeUndefined();
  two.say({ ...snapshot, at: 2 });
  await eventually(() => expect(signals.latest("chat")?.snapshot.at).toBe(2));
  two.say({ ...alone, at: 3 });
  await eventually(() => expect(one.streams).toHaveLength(2));
  one.say({ ...alone, at: 4 });
  await eventually(() => expect(signals.latest("chat")?.snapshot.at).toBe(4));
  await eventually(() => expect(two.streams).toHaveLength(2));
});

test("the only gateway speaks for all, cut off or not", async () => {
  const control = await startControl();
  const signals = open(() => [control.address], { now: 0 });
  await eventually(() => expect(control.streams).toHaveLength(1));
  for (const at of [1, 2]) control.say({ ...snapshot, at, servers: { broker: true, adapter: false, store: true } });
  await eventually(() => expect(signals.latest("chat")?.snapshot.at).toBe(2));
  expect(control.streams).toHaveLength(1);
});

test("what is not a snapshot is no news, and the stream is opened anew", async () => {
  const control = await startControl();
  const signals = open(() => [control.address], { now: 0 });
  await eventually(() => expect(control.streams).toHaveLength(1));
  control.say({ at: "never" });
  await eventually(() => expect(control.streams).toHaveLength(2));
  expect(signals.latest("chat")).toBeUndefined();
});

test("a snapshot that says the same of servers and jobs is no news", async () => {
  const control = await startControl();
  const news: (number | undefined)[] = [];
  const signals = open(
    () => [control.address],
    { now: 0 },
    () => news.push(signals.latest("chat")?.snapshot.at),
  );
  await eventually(() => expect(control.streams).toHaveLength(1));
  const jobs = (at: number, ready: number, unacked = 0) =>
    control.say({ ...snapshot, at, pools: [{ pool: "a", ready, unacked, outRate: at }] });
  jobs(1, 0);
  jobs(2, 0);
  jobs(3, 7);
  jobs(4, 6, 1);
  control.say({ ...snapshot, at: 5, servers: { broker: false, adapter: true, store: true } });
  await eventually(() => expect(signals.latest("chat")?.snapshot.at).toBe(5));
  expect(news).toEqual([1, 3, 4, 5]);
});

test("events are told in order, once a gateway takes them", async () => {
  const control = await startControl();
  control.refusing = true;
  const addresses: string[] = [];
  const signals = open(() => addresses, { now: 0 });
  signals.announce("chat", [event(1), event(2)]);
  addresses.push(control.address);
  signals.announce("chat", [event(3)]);
  signals.announce("other", [event(99)]);
  await eventually(() => expect(control.tokens.size).toBe(1));
  control.refusing = false;
  await eventually(() => expect(control.posted).toEqual([event(1), event(2), event(3)]));
});

test("events are told to every gateway; one that takes them is enough", async () => {
  const [one, two, three] = [await startControl(), await startControl(), await startControl()];
  three.refusing = true;
  const signals = open(() => [one.address, two.address, three.address], { now: 0 });
  signals.announce("chat", [event(1)]);
  signals.announce("chat", [event(2)]);
  for (const control of [one, two]) await eventually(() => expect(control.posted).toEqual([event(1), event(2)]));
  expect(three.posted).toEqual([]);
});

test("what nobody takes is bounded: the oldest are dropped", async () => {
  const addresses: string[] = [];
  const signals = open(() => addresses, { now: 0 });
  for (let i = 0; i < 1500; i++) signals.announce("chat", [event(i)]);
  const control = await startControl();
  addresses.push(control.address);
  await eventually(() => expect(control.posted).toHaveLength(1000));
  expect(control.posted[0]).toEqual(event(500));
});

test("orders to shed go to every gateway once, also where one does not answer", async () => {
  const [one, other] = [await startControl(), await startControl()];
  const signals = open(() => ["127.0.0.1:1", one.address, other.address], { now: 0 });
  const orders = [{ node: "g-1", sessions: 5, perSecond: 2 }];
  signals.shed("chat", orders);
  signals.shed("other", orders);
  signals.shed("chat", []);
  await eventually(() => expect([one.posted, other.posted]).toEqual([orders, orders]));
});
