import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDelivery, type Delivery } from "#adapter";
import { openBroker, type Broker } from "#broker";
import type { Job, Pool } from "#crds";
import { silentLog } from "#process";
import { eventually, freePort, sharedServer, spawnNode, type NodeProcess } from "#testing";
import { Registry } from "prom-client";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const HANDLERS = fileURLToPath(new URL("./handlers.ts", import.meta.url));
const HUB = fileURLToPath(new URL("../../hub/main.ts", import.meta.url));

/** The servers that a worker is tried with. */
export type Servers = "redis and rabbitmq" | "hub";

/** An event that the test's user or the channel `runs` was told. */
export interface Told {
  event: string;
  data: Record<string, unknown>;
}

/** Workers as processes of their own over real servers; this process is the gateway. */
export interface TestCluster extends AsyncDisposable {
  pool: Pool;
  user: string;
  /** By which any process joins its deliveries. */
  address: { cluster: string; adapter: "redis" | "zeromq"; url: string };
  broker: Broker;
  delivery: Delivery;
  told: Told[];
  /** Resolves once it is ready. */
  worker(env?: Record<string, string>): Promise<NodeProcess>;
  /** Does not wait for anything. */
  spawn(env?: Record<string, string>): NodeProcess;
  submit(event: string, payload?: unknown, more?: Partial<Job>): Promise<string>;
  /** Waits for the first event of that name about that job. */
  about(id: string, event: string): Promise<Record<string, unknown>>;
}

const isReady = (child: NodeProcess): boolean =>
  child.messages.some((it) => typeof it === "object" && it !== null && "type" in it && it.type === "ready");

const ready = (child: NodeProcess) =>
  eventually(
    () => {
      if (!isReady(child)) throw new Error(`the process is not ready: ${child.lines.join("\n")}`);
    },
    { timeoutMs: 30_000 },
  );

const openServers = async (servers: Servers, stack: AsyncDisposableStack): Promise<Record<string, string>> => {
  if (servers === "redis and rabbitmq") {
    const [redis, rabbitmq] = await Promise.all([sharedServer("redis"), sharedServer("rabbitmq")]);
    return { redis: redis.uri, rabbitmq: rabbitmq.uri };
  }
  const port = await freePort();
  const hub = stack.use(
    spawnNode(HUB, {
      CLUSTER: "test",
      INSTANCE: "test-hub",
      PROBE_PORT: "0",
      PROBE_HOST: "127.0.0.1",
      HUB_PORT: String(port),
      HUB_HOST: "127.0.0.1",
      LOG_LEVEL: "warn",
    }),
  );
  await ready(hub);
  return { hub: `tcp://127.0.0.1:${port}` };
};

/** A cluster of a name of its own with one pool that takes `t:*`. */
export const openCluster = async (servers: Servers, pool: Partial<Pool> = {}): Promise<TestCluster> => {
  await using building = new AsyncDisposableStack();
  const suffix = randomBytes(5).toString("hex");
  const directory = await mkdtemp(join(tmpdir(), "realtime-worker-"));
  building.defer(() => rm(directory, { recursive: true, force: true }));
  const uris = await openServers(servers, building);
  for (const [name, uri] of Object.entries(uris)) {
    await mkdir(join(directory, name));
    await writeFile(join(directory, name, "uri"), uri);
  }
  const full: Pool = {
    name: "things",
    events: ["t:*"],
    mode: "job",
    orderBy: "none",
    concurrency: 5,
    timeoutSeconds: 30,
    retry: { attempts: 3, backoffSeconds: 0.1, maxBackoffSeconds: 1 },
    ...pool,
  };
  const [adapter, broker, store] =
    servers === "hub" ? (["zeromq", "zeromq", "hub"] as const) : (["redis", "rabbitmq", "redis"] as const);
  const cluster = `worker-${suffix}`;
  const serverOf = (driver: string) => async () => ({ uri: uris[driver === "zeromq" ? "hub" : driver] ?? "" });
  const common = { cluster, node: `gateway-${suffix}`, log: silentLog(), registry: new Registry() };
  const opened = building.use(await openBroker(broker, { ...common, settings: serverOf(broker) }));
  const delivery = building.use(await openDelivery(adapter, { ...common, settings: serverOf(adapter) }));
  await opened.declare([full]);
  const user = "ada";
  const told: Told[] = [];
  const heard = (event: string, [data]: unknown[]) => void told.push({ event, data: { ...(data as object) } });
  building.use(await delivery.listener.listenUser(user, heard));
  building.use(await delivery.listener.listen("runs", heard));
  const directoryOf = (name: string) =>
    uris[name] === undefined ? {} : { [`${name.toUpperCase()}_DIR`]: join(directory, name) };
  const stack = building.move();
  let workers = 0;
  const spawn = (env: Record<string, string> = {}) => {
    workers += 1;
    return stack.use(
      spawnNode(MAIN, {
        CLUSTER: cluster,
        INSTANCE: `worker-${workers}`,
        PROBE_PORT: "0",
        PROBE_HOST: "127.0.0.1",
        ADAPTER: adapter,
        BROKER: broker,
        STORE: store,
        CONFIG_FILE: "",
        POOL: JSON.stringify(full),
        HANDLERS,
        ...directoryOf("redis"),
        ...directoryOf("rabbitmq"),
        ...directoryOf("hub"),
        ...env,
      }),
    );
  };
  let ids = 0;
  return {
    pool: full,
    user,
    address: { cluster, adapter, url: uris[servers === "hub" ? "hub" : "redis"] ?? "" },
    broker: opened,
    delivery,
    told,
    spawn,
    worker: async (env) => {
      const child = spawn(env);
      await ready(child);
      return child;
    },
    submit: async (event, payload = {}, more = {}) => {
      ids += 1;
      const id = more.id ?? `job-${ids}`;
      await opened.publish(full, { v: 1, id, event, payload, user, mode: full.mode, at: Date.now(), ...more });
      return id;
    },
    about: (id, event) =>
      eventually(
        () => {
          const found = told.find((it) => it.event === event && it.data["id"] === id);
          if (found === undefined) throw new Error(`${event} of ${id} was not told; told: ${JSON.stringify(told)}`);
          return found.data;
        },
        { timeoutMs: 30_000 },
      ),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};
