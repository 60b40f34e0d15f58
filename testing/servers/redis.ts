import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { eventually } from "../eventually.ts";
import { binaryOf, KINDS } from "./kinds.ts";
import { freePort, RUN_DIRECTORY } from "./start.ts";

const { redis: kind } = KINDS;

/** One small redis-server of a test's own, in a directory of its own. */
export interface RedisProcess extends AsyncDisposable {
  port: number;
  directory: string;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** With the same port and data; resolves when it answers. */
  start(): Promise<void>;
  /** One command, over a connection of its own. */
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
}

interface ProcessOptions {
  /** Of redis-server, without port and directory. */
  args?: (port: number, directory: string) => readonly string[];
  /** Written to `redis.conf` in front of all, which Sentinel needs and rewrites. */
  config?: (port: number) => string;
  /** How `call` connects. */
  client?: object;
}

/** A Cluster's node has a second port 10,000 above. */
const portBelow = async (limit: number): Promise<number> => {
  for (;;) {
    const port = await freePort();
    if (port < limit) return port;
  }
};

export const startRedisProcess = async ({ args, config, client = {} }: ProcessOptions = {}): Promise<RedisProcess> => {
  const port = await portBelow(55_000);
  const directory = mkdtempSync(join(tmpdir(), "realtime-test-redis-"));
  const name = `realtime-test-redis-${port}`;
  const binary = binaryOf(kind);
  const file = join(directory, "redis.conf");
  writeFileSync(file, config?.(port) ?? "");
  const own = [
    file,
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--dir",
    directory,
    "--save",
    "",
    ...(args?.(port, directory) ?? []),
  ];
  const [command, ...rest] =
    binary === undefined
      ? [
          "docker",
          "run",
          "--rm",
          "--network",
          "host",
          "-v",
          `${directory}:${directory}`,
          "--name",
          name,
          "--entrypoint",
          "redis-server",
          kind.image,
          ...own,
        ]
      : [binary, ...own];
  const run = process.env[RUN_DIRECTORY];
  const note = run === undefined ? undefined : join(run, `${port}.left`);
  let child: ChildProcess | undefined;

  const call: RedisProcess["call"] = async (command, ...args) => {
    const redis = new Redis({ port, lazyConnect: true, retryStrategy: null, enableReadyCheck: false, ...client });
    redis.on("error", () => {});
    try {
      await redis.connect();
      return await redis.call(command, ...args);
    } finally {
      redis.disconnect();
    }
  };
  const start = async () => {
    const output = openSync(join(directory, "log"), "a");
    const started = spawn(command, rest, { stdio: ["ignore", output, output], detached: true });
    started.unref();
    child = started;
    const left = binary === undefined ? { container: name, directory } : { pid: started.pid, directory };
    if (note !== undefined) writeFileSync(note, JSON.stringify(left));
    await eventually(() => call("PING"), { timeoutMs: 60_000, everyMs: 50 });
  };
  const kill = async () => {
    const running = child;
    if (running?.pid === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, "exit");
    if (binary === undefined) spawnSync("docker", ["kill", name]);
    else process.kill(-running.pid, "SIGKILL");
    await gone;
  };
  await start();
  return {
    port,
    directory,
    kill,
    start,
    call,
    async [Symbol.asyncDispose]() {
      await kill();
      rmSync(directory, { recursive: true, force: true });
      if (note !== undefined) rmSync(note, { force: true });
    },
  };
};

/** A master with a replica, and three Sentinels that watch them; or a Cluster of three masters, with a replica each. */
export interface RedisSet extends AsyncDisposable {
  uri: string;
  nodes: readonly RedisProcess[];
  /** The master now; of a Cluster the one that holds `key`. */
  master(key?: string): Promise<RedisProcess>;
}

export const startSentinels = async (args: readonly string[] = []): Promise<RedisSet> => {
  await using starting = new AsyncDisposableStack();
  const own = async (options: ProcessOptions) => starting.use(await startRedisProcess(options));
  const first = await own({ args: () => args });
  const second = await own({ args: () => [...args, "--replicaof", "127.0.0.1", String(first.port)] });
  await eventually(async () => {
    const about = String(await second.call("INFO", "replication"));
    if (!about.includes("master_link_status:up")) throw new Error(about);
  });
  const config = () =>
    [
      `sentinel monitor main 127.0.0.1 ${first.port} 2`,
      "sentinel down-after-milliseconds main 500",
      "sentinel failover-timeout main 3000",
      "",
    ].join("\n");
  const sentinels = await Promise.all([1, 2, 3].map(() => own({ config, args: () => ["--sentinel"] })));
  await eventually(
    async () => {
      for (const sentinel of sentinels) {
        const known = String(await sentinel.call("SENTINEL", "master", "main"));
        if (!/num-slaves,1,/.test(known) || !/num-other-sentinels,2,/.test(known)) throw new Error(known);
      }
    },
    { timeoutMs: 30_000 },
  );
  const nodes = [first, second];
  const [sentinel] = sentinels;
  const stack = starting.move();
  return {
    uri: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")}/main`,
    nodes,
    master: async () => {
      const found = String(await sentinel?.call("SENTINEL", "get-master-addr-by-name", "main"));
      const master = nodes.find(({ port }) => found === `127.0.0.1,${port}`);
      if (master === undefined) throw new Error(`no master at ${found}`);
      return master;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};

const SLOTS = 16_384;
const MASTERS = 3;

export const startRedisCluster = async (): Promise<RedisSet> => {
  await using starting = new AsyncDisposableStack();
  const args = () => [
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    "1000",
    "--cluster-require-full-coverage",
    "no",
  ];
  const nodes = await Promise.all(
    Array.from({ length: 2 * MASTERS }, async () => starting.use(await startRedisProcess({ args }))),
  );
  const [first] = nodes;
  for (const [index, node] of nodes.entries()) {
    await node.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
    if (index > 0) await first?.call("CLUSTER", "MEET", "127.0.0.1", node.port);
    if (index >= MASTERS) continue;
    const [from, to] = [index, index + 1].map((share) => Math.floor((share * SLOTS) / MASTERS));
    await node.call(
      "CLUSTER",
      "ADDSLOTS",
      ...Array.from({ length: Number(to) - Number(from) }, (_, at) => Number(from) + at),
    );
  }
  const all = async (holds: (node: RedisProcess) => Promise<boolean>) =>
    eventually(
      async () => {
        for (const node of nodes)
          if (!(await holds(node))) throw new Error(`the cluster's node ${node.port} is not ready`);
      },
      { timeoutMs: 60_000, everyMs: 100 },
    );
  const info = async (node: RedisProcess) => String(await node.call("CLUSTER", "INFO"));
  await all(async (node) => /cluster_known_nodes:6/.test(await info(node)));
  for (const [index, node] of nodes.slice(MASTERS).entries())
    await node.call("CLUSTER", "REPLICATE", String(await nodes[index]?.call("CLUSTER", "MYID")));
  await all(async (node) => /cluster_state:ok/.test(await info(node)));
  await all(
    async (node) =>
      nodes.indexOf(node) < MASTERS || /master_link_status:up/.test(String(await node.call("INFO", "replication"))),
  );
  const stack = starting.move();
  return {
    uri: `redis://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    nodes,
    master: async (key = "") => {
      for (const node of nodes) {
        const tried = await node.call("GET", key).catch((error: unknown) => error);
        const [role] = (await node.call("ROLE").catch(() => [])) as string[];
        if (role === "master" && !(tried instanceof Error || String(tried).startsWith("ReplyError"))) return node;
      }
      throw new Error("no master holds it");
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};

/** A certificate for 127.0.0.1 that is its own authority, as files in `directory`. */
export const makeCertificate = (directory: string): { cert: string; key: string } => {
  const [cert, key] = [join(directory, "tls.crt"), join(directory, "tls.key")];
  const made = spawnSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
      "-subj",
      "/CN=redis",
      "-addext",
      "subjectAltName=IP:127.0.0.1",
      "-keyout",
      key,
      "-out",
      cert,
    ],
    { encoding: "utf8" },
  );
  if (made.status !== 0) throw new Error(`openssl: ${made.stderr}`);
  return { cert, key };
};
