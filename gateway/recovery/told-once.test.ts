import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { eventually, sharedServer, spawnNode } from "#testing";
import { SESSION_KEY, testCluster, type TestCluster } from "../testing/cluster.ts";
import { rove, type RovingClient } from "../testing/recovery-cluster.ts";
import { poolOf } from "../testing/settings.ts";

const CHILD = fileURLToPath(new URL("../testing/child.ts", import.meta.url));
/** What the end of a connection without a goodbye is called depends on who sees it first. */
const CUT = expect.stringMatching(/^transport (close|error)$/);
const LIMITS = { maxMessages: 1000, maxBytes: 8 << 20 };
const pool = poolOf("life", ["$connected", "$disconnected", "$occupied", "$vacated"]);

describe("what pools are told of clients that come back", () => {
  let stack = new AsyncDisposableStack();
  let cluster: TestCluster;
  let told: [event: string, socket: unknown, reason: unknown][];
  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    cluster = stack.use(testCluster([pool], { recovery: LIMITS }));
    told = [];
    await cluster.worker(pool, ({ event, payload }) => {
      const { socket, reason } = Object(payload);
      told.push([event, socket, reason]);
    });
  });
  afterEach(() => stack.disposeAsync());

  const gateway = (windowSeconds = 60) => cluster.gateway({ recovery: { windowSeconds } });
  const client = async (port: number): Promise<RovingClient> => stack.use(await rove(port));
  const of = (event: string, id: unknown) => told.filter(([name, socket]) => name === event && socket === id);
  const reasons = (id: unknown) => of("$disconnected", id).map(([, , reason]) => reason);
  /** All that was to be told before has been. */
  const somebodyElse = async (port: number) => {
    const it = await client(port);
    const { id } = it.socket;
    it.socket.disconnect();
    await eventually(() => expect(reasons(id)).toHaveLength(1));
  };
  const isBack = async (it: RovingClient) => {
    await eventually(() => expect(it.connects()).toBe(2));
    expect(it.socket.recovered).toBe(true);
  };

  test("cut, and back elsewhere: connected and disconnected are told once for each connection", async () => {
    const [here, there] = [await gateway(), await gateway()];
    const anna = await client(here.gateway.port);
    const { id } = anna.socket;
    anna.cut(there.gateway.port);
    await isBack(anna);
    expect(anna.socket.id).toBe(id);
    await eventually(() => expect(reasons(id)).toEqual([CUT]));
    anna.socket.disconnect();
    await eventually(() => expect(reasons(id)).toEqual([CUT, "client namespace disconnect"]));
    await somebodyElse(here.gateway.port);
    expect(reasons(id)).toHaveLength(2);
    expect(of("$connected", id)).toHaveLength(2);
  });

  test("cut, and not back within the window: disconnected is told once, at the cut", async () => {
    const [here, there] = [await gateway(1), await gateway(1)];
    const anna = await client(here.gateway.port);
    const { id } = anna.socket;
    anna.socket.io.reconnection(false);
    anna.cut(there.gateway.port);
    await eventually(() => expect(reasons(id)).toEqual([CUT]));
    const over = Date.now() + 3000;
    await eventually(() => expect(Date.now()).toBeGreaterThan(over));
    anna.socket.io.reconnection(true);
    anna.socket.connect();
    await eventually(() => expect(anna.connects()).toBe(2));
    expect(anna.socket.recovered).toBe(false);
    await somebodyElse(here.gateway.port);
    expect(reasons(id)).toHaveLength(1);
    expect(of("$connected", id)).toHaveLength(1);
    expect(of("$connected", anna.socket.id)).toHaveLength(1);
    expect(reasons(anna.socket.id)).toEqual([]);
  });

  test("its gateway killed, and back elsewhere: the others tell once that the former connection is gone", async () => {
    const [here, there] = [await gateway(), await gateway()];
    const child = stack.use(
      spawnNode(CHILD, {
        NAME: cluster.name,
        SESSION_KEY,
        REDIS: (await sharedServer("redis")).uri,
        RABBITMQ: (await sharedServer("rabbitmq")).uri,
        RECOVERY: JSON.stringify(LIMITS),
      }),
    );
    const port = await eventually(
      () => {
        const [message] = child.messages as { port: number }[];
        if (message === undefined) throw new Error(child.lines.join("\n"));
        return message.port;
      },
      { timeoutMs: 30_000 },
    );
    const anna = await client(port);
    const { id } = anna.socket;
    await eventually(() => expect(of("$connected", id)).toHaveLength(1));
    Reflect.set(anna.socket.io, "uri", `http://127.0.0.1:${here.gateway.port}`);
    await child.kill("SIGKILL");
    await isBack(anna);
    await eventually(() => expect(reasons(id)).toEqual(["the gateway is gone"]), { timeoutMs: 45_000 });
    anna.socket.disconnect();
    await eventually(() => expect(reasons(id)).toEqual(["the gateway is gone", "client namespace disconnect"]));
    for (const { port: at } of [here.gateway, there.gateway]) await somebodyElse(at);
    expect(reasons(id)).toHaveLength(2);
    expect(of("$connected", id)).toHaveLength(2);
  }, 90_000);
});
