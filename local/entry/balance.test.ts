import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import { Registry } from "prom-client";
import { balance, entryMetrics, type Balancer } from "./balance.ts";

let stack: AsyncDisposableStack;
beforeEach(() => void (stack = new AsyncDisposableStack()));
afterEach(() => stack.disposeAsync());

interface Target {
  address: string;
  sockets: Socket[];
  /** Ends as a killed process does. */
  kill(): void;
  server: Server;
}

/** A server that greets with its name and then returns what it gets, in capitals. */
const startTarget = async (name: string): Promise<Target> => {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.write(`${name}\n`);
    socket.on("data", (chunk) => void socket.write(chunk.toString().toUpperCase()));
    socket.on("end", () => socket.end("bye\n"));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const kill = () => {
    server.close();
    for (const socket of sockets) socket.resetAndDestroy();
  };
  stack.defer(kill);
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, sockets, kill, server };
};

const registry = () => new Registry();
const startEntry = async (
  targets: () => string[],
  waitMs = 2000,
  lingerMs = 30_000,
): Promise<Balancer & { metrics: Registry }> => {
  const metrics = registry();
  const entry = stack.use(
    await balance({ host: "127.0.0.1", port: 0, targets, metrics: entryMetrics(metrics), waitMs, lingerMs }),
  );
  return Object.assign(entry, { metrics });
};
const valueOf = async (metrics: Registry, name: string) =>
  (await metrics.getMetricsAsJSON()).find((metric) => metric.name === name)?.values[0]?.value ?? 0;

interface Client {
  socket: Socket;
  text: () => string;
  ended: Promise<void>;
}
const open = (port: number): Client => {
  let text = "";
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("data", (chunk) => (text += chunk.toString()));
  socket.on("error", () => {});
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  socket.on("end", resolve).on("close", () => resolve());
  stack.defer(() => void socket.destroy());
  return { socket, text: () => text, ended };
};
/** The name of the target that a new connection reaches. */
const reach = async (port: number): Promise<string> => {
  const client = open(port);
  await eventually(() => expect(client.text()).toContain("\n"));
  client.socket.destroy();
  return client.text().trim();
};

describe("connections", () => {
  test("go to one target after the other", async () => {
    const targets = [await startTarget("a"), await startTarget("b"), await startTarget("c")];
    const { port } = await startEntry(() => targets.map(({ address }) => address));
    const names = [];
    for (let i = 0; i < 6; i++) names.push(await reach(port));
    expect(names).toEqual(["a", "b", "c", "a", "b", "c"]);
  });

  test("go to the next one where one does not take them", async () => {
    const [gone, there] = [await startTarget("gone"), await startTarget("there")];
    gone.kill();
    const entry = await startEntry(() => [gone.address, there.address]);
    expect([await reach(entry.port), await reach(entry.port)]).toEqual(["there", "there"]);
    expect(await valueOf(entry.metrics, "realtime_entry_retries_total")).toBeGreaterThan(0);
  });

  test("wait a while for a target to come, and keep what they said meanwhile", async () => {
    const addresses: string[] = [];
    const { port } = await startEntry(() => addresses, 30_000);
    const client = open(port);
    client.socket.write("early ");
    await once(client.socket, "connect");
    addresses.push((await startTarget("late")).address);
    await eventually(() => expect(client.text()).toBe("late\nEARLY "));
  });

  test("are told 503 and closed where none comes", async () => {
    const entry = await startEntry(() => [], 0);
    const client = open(entry.port);
    await client.ended;
    expect(client.text()).toMatch(/^HTTP\/1.1 503 Service Unavailable\r\n/);
    expect(await valueOf(entry.metrics, "realtime_entry_refused_total")).toBe(1);
  });

  test("that go while they wait leave nothing behind", async () => {
    const entry = await startEntry(() => [], 30_000);
    const client = open(entry.port);
    await once(client.socket, "connect");
    client.socket.resetAndDestroy();
    await eventually(async () => expect(await valueOf(entry.metrics, "realtime_entry_connections")).toBe(0));
  });

  test("end on each side by itself", async () => {
    const target = await startTarget("a");
    const { port } = await startEntry(() => [target.address]);
    const client = open(port);
    client.socket.end("last words\n");
    await client.ended;
    expect(client.text()).toBe("a\nLAST WORDS\nbye\n");
  });

  test("end when their target is killed, and new ones reach another", async () => {
    const [one, two] = [await startTarget("one"), await startTarget("two")];
    const { port } = await startEntry(() => [one.address, two.address]);
    const client = open(port);
    await eventually(() => expect(client.text()).toBe("one\n"));
    one.kill();
    await client.ended;
    expect([await reach(port), await reach(port)]).toEqual(["two", "two"]);
  });

  test("end at their target when the client is gone", async () => {
    const target = await startTarget("a");
    const { port } = await startEntry(() => [target.address]);
    const client = open(port);
    await eventually(() => expect(client.text()).toBe("a\n"));
    client.socket.resetAndDestroy();
    await eventually(() => expect(target.sockets[0]?.destroyed).toBe(true));
  });

  test("end where the client takes nothing, or does not close after its target, and is silent; idle ones stay", async () => {
    const target = await startTarget("a");
    const entry = await startEntry(() => [target.address], 2000, 200);
    const clients: Client[] = [];
    for (let i = 0; i < 3; i++) {
      const client = open(entry.port);
      clients.push(client);
      await eventually(() => expect(client.text()).toBe("a\n"));
    }
    clients[0]?.socket.pause();
    target.sockets[0]?.write(Buffer.alloc(64 << 20));
    target.sockets[1]?.end();
    await eventually(async () => expect(await valueOf(entry.metrics, "realtime_entry_connections")).toBe(1));
    clients[2]?.socket.write("here");
    await eventually(() => expect(clients[2]?.text()).toBe("a\nHERE"));
  });

  test("wait for a slow reader without taking more memory", async () => {
    const target = await startTarget("a");
    const { port } = await startEntry(() => [target.address]);
    const client = open(port);
    await eventually(() => expect(client.text()).toBe("a\n"));
    client.socket.pause();
    const socket = target.sockets[0];
    const chunk = Buffer.alloc(1024 * 1024);
    let written = 0;
    while (written < 64 && socket?.write(chunk) !== undefined && socket.writableLength < 8 * chunk.length) written++;
    await eventually(() => expect(socket?.writableLength).toBeGreaterThan(0));
    client.socket.resume();
    await eventually(() => expect(socket?.writableLength).toBe(0));
  });
});

test("asked to go, it takes no more and stays until the last connection has ended", async () => {
  const target = await startTarget("a");
  const entry = await startEntry(() => [target.address]);
  const client = open(entry.port);
  await eventually(() => expect(client.text()).toBe("a\n"));
  let isDrained = false;
  const drained = entry.drained().then(() => (isDrained = true));
  const late = connect(entry.port, "127.0.0.1");
  const [error] = (await once(late, "error")) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ECONNREFUSED");
  client.socket.write("still here\n");
  await eventually(() => expect(client.text()).toBe("a\nSTILL HERE\n"));
  expect(isDrained).toBe(false);
  client.socket.end();
  await drained;
});
