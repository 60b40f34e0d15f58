import { mkdtemp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseRealtimeCluster, API_VERSION, KIND, withDefaults, type Pool } from "#crds";
import type { ReadyMessage } from "#process";
import { eventually, spawnNode, type NodeProcess } from "#testing";

const ROOT = join(import.meta.dirname, "..");

/** Gateways, one worker and the hub as processes of their own, with servers that run. */
export interface BenchCluster extends AsyncDisposable {
  /** http://127.0.0.1:… of the first gateway's clients' port, and of all. */
  url: string;
  urls: readonly string[];
  /** Directory of the adapter's server settings, for an emitter. */
  adapterDirectory: string;
  /** µs of CPU that a role, or that gateway, has used. */
  cpuMicros(role: "gateway" | "worker" | "hub", index?: number): Promise<number>;
  /** ms that a gateway's main thread was ready to run and had no core to run on, as Linux counts them. */
  waitedMs(index: number): Promise<number>;
  /** Bytes of memory that a gateway takes. */
  residentBytes(index: number): Promise<number>;
}

interface Options {
  /** uri of a Redis for adapter and store; absent: the hub. */
  redis?: string;
  /** uri of a RabbitMQ for the jobs; absent: the hub. */
  rabbitmq?: string;
  /** Module of handlers for the event `bench:job`. */
  handlers?: string;
  concurrency?: number;
  orderBy?: string;
  gateways?: number;
  /** Absent: off. */
  recovery?: { maxMessages: number; maxBytes: number };
}

const readyOf = (node: NodeProcess): Promise<ReadyMessage> =>
  eventually(
    () => {
      const [message] = node.messages;
      if (message === undefined) throw new Error(`not ready: ${node.lines.slice(-5).join("\n")}`);
      return message as ReadyMessage;
    },
    { timeoutMs: 30_000 },
  );

export const startCluster = async ({
  redis,
  rabbitmq,
  handlers,
  concurrency = 100,
  orderBy = "none",
  gateways: count = 1,
  recovery,
}: Options): Promise<BenchCluster> => {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "realtime-bench-"));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const server = async (name: string, uri: string) => {
    await mkdir(join(directory, name));
    await writeFile(join(directory, name, "uri"), uri);
    return join(directory, name);
  };
  const file = async (name: string, text: string) => {
    await writeFile(join(directory, name), text);
    return join(directory, name);
  };
  const parsed = parseRealtimeCluster({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: "bench" },
    spec: {
      gateway: { limits: { eventsPerSecond: 100_000, connectionsPerUser: 100_000 }, ...(recovery && { recovery: {} }) },
      workers: handlers === undefined ? [] : [{ name: "bench", events: ["bench:*"], handlers, concurrency, orderBy }],
    },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const { spec } = withDefaults(parsed.value);
  const pools: Pool[] = spec.workers.map(
    ({ name, events, mode, orderBy: key, concurrency: width, timeoutSeconds, retry }) => ({
      name,
      events,
      mode,
      orderBy: key,
      concurrency: width,
      timeoutSeconds,
      retry,
    }),
  );
  const common = (instance: string) => ({
    CLUSTER: "bench",
    INSTANCE: instance,
    PROBE_PORT: "0",
    PROBE_HOST: "127.0.0.1",
    LOG_LEVEL: "warn",
  });
  const start = async (role: string, env: Record<string, string>) => {
    const node = stack.use(spawnNode(join(ROOT, role, "main.ts"), env));
    return { node, ...(await readyOf(node)) };
  };
  const hub = await start("hub", { ...common("bench-hub-0"), HUB_PORT: "0", HUB_HOST: "127.0.0.1" });
  const hubDirectory = await server("hub", `tcp://127.0.0.1:${hub.ports["hub"]}`);
  const redisDirectory = redis === undefined ? undefined : await server("redis", redis);
  const dataPlane = {
    ADAPTER: redisDirectory === undefined ? "zeromq" : "redis",
    STORE: redisDirectory === undefined ? "hub" : "redis",
    BROKER: rabbitmq === undefined ? "zeromq" : "rabbitmq",
    HUB_DIR: hubDirectory,
    ...(redisDirectory === undefined ? {} : { REDIS_DIR: redisDirectory }),
    ...(rabbitmq === undefined ? {} : { RABBITMQ_DIR: await server("rabbitmq", rabbitmq) }),
    ...(recovery && { RECOVERY: JSON.stringify(recovery) }),
    CONFIG_FILE: await file("config.json", JSON.stringify({ pools })),
  };
  const gatewayEnvironment = {
    ...dataPlane,
    GATEWAY: JSON.stringify(spec.gateway),
    HOST: "127.0.0.1",
    PORT: "0",
    CONTROL_PORT: "0",
    LINK_PORT: "0",
    PEERS_FILE: join(directory, "peers.json"),
    CONTROL_TOKEN_FILE: await file("control-token", "bench-control-token"),
    SESSION_KEY_FILE: await file("session-key", "bench-session-key-of-32-bytes-or-more"),
  };
  const gateways: Awaited<ReturnType<typeof start>>[] = [];
  for (let i = 0; i < count; i++) {
    const links = gateways.map(({ ports }) => `127.0.0.1:${ports["link"]}`);
    await file("peers.json", JSON.stringify({ gateways: [], links }));
    gateways.push(await start("gateway", { ...common(`bench-gateway-${i}`), ...gatewayEnvironment }));
  }
  const [pool] = pools;
  const worker =
    pool === undefined || handlers === undefined
      ? undefined
      : await start("worker", {
          ...common("bench-worker-0"),
          ...dataPlane,
          POOL: JSON.stringify(pool),
          HANDLERS: handlers,
        });
  const metric = async (process: { ports: Record<string, number> } | undefined, name: string) => {
    const text = await (await fetch(`http://127.0.0.1:${process?.ports["probes"]}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)`, "m").exec(text)?.[1]);
  };
  const urls = gateways.map(({ ports }) => `http://127.0.0.1:${ports["clients"]}`);
  const running = stack.move();
  return {
    url: urls[0] ?? "",
    urls,
    adapterDirectory: redisDirectory ?? hubDirectory,
    cpuMicros: async (role, index = 0) =>
      (await metric({ hub, worker, gateway: gateways[index] }[role], "process_cpu_seconds_total")) * 1e6,
    waitedMs: async (index) => {
      const [, nanoseconds] = (await readFile(`/proc/${gateways[index]?.node.pid}/schedstat`, "latin1")).split(" ");
      return Number(nanoseconds) / 1e6;
    },
    residentBytes: (index) => metric(gateways[index], "process_resident_memory_bytes"),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};
