import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Registry } from "prom-client";
import { io, type Socket } from "socket.io-client";
import { silentLog } from "#process";
import { eventually, spawnNode, type NodeProcess } from "#testing";
import { openDelivery } from "../index.ts";
import type { LogLimits } from "../log/port.ts";
import type { Delivery } from "../port.ts";
import { uriOf, type TestDriver } from "./drivers.ts";
import { shortCollections } from "./mongo.ts";

const GATEWAY = fileURLToPath(new URL("./gateway.ts", import.meta.url));

/** Tells the gateway script what to do and resolves with what came of it. */
export type Ask = (action: string, details?: Record<string, unknown>) => Promise<unknown>;

export interface TestGateway extends AsyncDisposable {
  node: string;
  process: NodeProcess;
  ask: Ask;
  /** A client, connected; `rooms` are joined at connect. */
  client(name: string, rooms?: string[], nsp?: string, auth?: object): Promise<TestClient>;
}

export interface TestClient extends Disposable {
  socket: Socket;
  /** All events so far, each with its arguments. */
  heard: unknown[][];
}

export interface TestCluster extends AsyncDisposable {
  driver: TestDriver;
  uri: string;
  name: string;
  gateway(): Promise<TestGateway>;
  /** A process that is no gateway: this one. */
  delivery(): Promise<{ delivery: Delivery; registry: Registry }>;
}

const connect = async (port: number, nsp: string, auth: object): Promise<TestClient> => {
  const socket = io(`http://127.0.0.1:${port}${nsp}`, {
    transports: ["websocket"],
    auth,
    forceNew: true,
    reconnection: false,
  });
  const heard: unknown[][] = [];
  socket.onAny((...event: unknown[]) => heard.push(event));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  return { socket, heard, [Symbol.dispose]: () => void socket.disconnect() };
};

const startGateway = async (env: Record<string, string>): Promise<TestGateway> => {
  const node = `gateway-${randomBytes(4).toString("hex")}`;
  const child = spawnNode(GATEWAY, { ...env, NODE: node });
  let last = 0;
  const find = <T>(key: string, value?: unknown): Promise<T> =>
    eventually(
      () => {
        const message = child.messages.find(
          (it): it is object =>
            typeof it === "object" &&
            it !== null &&
            key in it &&
            (value === undefined || Object.entries(it).some(([name, found]) => name === key && found === value)),
        );
        if (message === undefined) throw new Error(`no answer from the gateway: ${child.lines.join("\n")}`);
        return message as T;
      },
      { timeoutMs: 30_000, everyMs: 2 },
    );
  const { ready: port } = await find<{ ready: number }>("ready");
  return {
    node,
    process: child,
    ask: async (action, details = {}) => {
      last += 1;
      const id = last;
      child.send({ ...details, id, do: action });
      const { result, error } = await find<{ result?: unknown; error?: string }>("id", id);
      if (error !== undefined) throw new Error(error);
      return result;
    },
    client: (name, rooms = [], nsp = "/", auth = {}) => connect(port, nsp, { name, rooms, ...auth }),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
};

/** Gateways and other processes of one cluster on one server; `silentMs` is the gateways' membership's. */
export const testCluster = (
  driver: TestDriver,
  server: string,
  {
    silentMs = 15_000,
    lingerMs = 5000,
    recovery,
  }: { silentMs?: number; lingerMs?: number; recovery?: LogLimits | undefined } = {},
): TestCluster => {
  const stack = new AsyncDisposableStack();
  const name = `test-${randomBytes(4).toString("hex")}`;
  const uri = uriOf(driver, server, name);
  let prepared: Promise<void> | undefined;
  const prepare = async () => {
    if (driver === "mongo") stack.use(await shortCollections(uri, name));
  };
  return {
    driver,
    uri,
    name,
    gateway: async () => {
      await (prepared ??= prepare());
      return stack.use(
        await startGateway({
          DRIVER: driver,
          URI: uri,
          CLUSTER: name,
          SILENT_MS: String(silentMs),
          LINGER_MS: String(lingerMs),
          ...(recovery && { RECOVERY: JSON.stringify(recovery) }),
        }),
      );
    },
    delivery: async () => {
      await (prepared ??= prepare());
      const registry = new Registry();
      const delivery = await openDelivery(driver, {
        cluster: name,
        node: `test-${randomBytes(4).toString("hex")}`,
        settings: async () => ({ uri }),
        log: silentLog(),
        registry,
        recovery,
      });
      stack.use(delivery);
      return { delivery, registry };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};
