import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import { startHub, type TestHub } from "../../adapter/testing/hub.ts";
import { recoveryCluster, rove, type RecoveringGateway, type RovingClient } from "../testing/recovery-cluster.ts";
import { away, breaks, numbersOf, pick, say, subscribe, until } from "../testing/roving.ts";

describe("the hub killed and back", () => {
  let stack = new AsyncDisposableStack();
  let hub: TestHub;
  let gateways: RecoveringGateway[];
  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    hub = stack.use(await startHub());
    const cluster = stack.use(recoveryCluster("zeromq", hub.uri));
    gateways = await Promise.all([0, 1, 2].map(() => cluster.gateway()));
  });
  afterEach(() => stack.disposeAsync());

  const client = async (gateway: RecoveringGateway): Promise<RovingClient> => stack.use(await rove(gateway.port));
  const lost = ({ heard }: RovingClient) => heard.filter(([event]) => event === "recovery:lost");
  const at = (index: number): RecoveringGateway => gateways[index] ?? pick([]);
  /** Something goes through the log again. */
  const back = (gateway: RecoveringGateway) => eventually(() => say(gateway, "nobody", "back"), { timeoutMs: 20_000 });

  test("under load and cuts: everyone gets everything once, in order, and nobody is told that something is lost", async () => {
    const observer = await client(at(0));
    const clients = await Promise.all(Array.from({ length: 9 }, (_, index) => client(at(index % 3))));
    const all = [observer, ...clients];
    await Promise.all(all.map((it) => subscribe(it, "all")));
    const speaking = new AbortController();
    let sent = 0;
    const confirmed: number[] = [];
    const speak = async (gateway: RecoveringGateway) => {
      while (!speaking.signal.aborted) {
        const n = (sent += 1);
        const isThere = await say(gateway, "all", n)
          .then(() => true)
          .catch(() => false);
        if (isThere) confirmed.push(n);
      }
    };
    const spoken = Promise.all(gateways.map(speak));
    await eventually(() => expect(numbersOf(observer.heard).length).toBeGreaterThan(100));
    await hub.kill();
    for (const it of clients) if (Math.random() < 0.5) it.cut(pick(gateways).port);
    await hub.start();
    await back(at(0));
    for (const it of clients) if (it.socket.connected) it.cut(pick(gateways).port);
    const before = numbersOf(observer.heard).length;
    await eventually(() => expect(numbersOf(observer.heard).length).toBeGreaterThan(before + 100));
    await eventually(() => expect(clients.every(({ socket }) => socket.connected)).toBe(true));
    speaking.abort();
    await spoken;
    await say(at(1), "all", "end");
    for (const it of all) await until(it, "n", "end");
    const order = numbersOf(observer.heard);
    expect(new Set(order).size).toBe(order.length);
    expect(confirmed.filter((n) => !order.includes(n))).toEqual([]);
    for (const it of all) {
      expect(breaks(it.heard, order)).toEqual([]);
      expect(numbersOf(it.heard)).toEqual(order);
      expect(lost(it)).toEqual([]);
      expect(it.socket.connected && it.heard.some(([event, value]) => event === "(connected)" && value === true)).toBe(
        it !== observer,
      );
    }
  }, 60_000);

  test("who was away then has its session and what it missed", async () => {
    const anna = await client(at(0));
    await subscribe(anna, "lobby");
    await away(anna, at(1), async () => {
      await say(at(2), "lobby", 1);
      await hub.kill();
      await hub.start();
      await back(at(2));
      await say(at(2), "lobby", 2);
    });
    expect(anna.socket.recovered).toBe(true);
    await say(at(0), "lobby", 3);
    await until(anna, "n", 3);
    expect(numbersOf(anna.heard)).toEqual([1, 2, 3]);
  }, 60_000);

  test("a gateway killed with it: what it had, nobody knows, and everyone is told", async () => {
    const anna = await client(at(0));
    await subscribe(anna, "lobby");
    const since = Date.now();
    await Promise.all([hub.kill(), at(2).process.kill("SIGKILL")]);
    await hub.start();
    await back(at(0));
    await until(anna, "recovery:lost", { since: expect.any(Number) });
    const [[, told] = []] = lost(anna);
    expect(Math.abs(Number(Reflect.get(Object(told), "since")) - since)).toBeLessThan(5000);
    await say(at(1), "lobby", "live");
    await until(anna, "n", "live");
  }, 60_000);
});
