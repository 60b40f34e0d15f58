import { Redis, type RedisOptions } from "ioredis";
import { z } from "zod";
import { coalesceWrites, Misconfigured } from "#process";
import type { RedisNode, RedisServer } from "./server.ts";

/** What a connection is for. */
export interface DialOptions {
  /** As `CLIENT LIST` shows it. */
  name: string;
  /** Of a Redis Cluster: the master that holds this key; without it any node. */
  key?: string | undefined;
  scripts?: RedisOptions["scripts"];
  /** ms after which a command without a reply is rejected. */
  commandMs?: number | undefined;
  /** ms of silence after which the connection counts as lost. */
  silentMs?: number | undefined;
}

/** Replies have the same shapes from every server. */
type Options = Omit<RedisOptions, "replyMapping">;

const CONNECT_MS = 4000;
const ASK_MS = 2000;

/** After these the connection is at the wrong place, or its login is over: it is closed, and made anew. */
const CLOSING = /^(READONLY|MOVED|NOAUTH|WRONGPASS)/;

const masterReply = z.tuple([z.string(), z.coerce.number()]).nullable();
const roleReply = z.tuple([z.string()]).rest(z.unknown());
const host = z.string().nullable();
const slotsReply = z.array(z.tuple([z.number(), z.number()]).rest(z.tuple([host, z.number()]).rest(z.unknown())));

/** Connects once, to this node. Nothing is queued, sent twice or connected again; rejects with why. */
const open = ({ host, port }: RedisNode, options: Options): Promise<Redis> => {
  const redis = new Redis({
    ...options,
    host,
    port,
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    // Redis before 7.2 does not know it, and a user of few rights may not.
    disableClientInfo: true,
    retryStrategy: null,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    reconnectOnError: ({ message }) => CLOSING.test(message),
  });
  let reason: unknown;
  redis.on("error", (error) => (reason = error));
  redis.on("connect", () => coalesceWrites(redis.stream));
  return redis.connect().then(
    () => redis,
    (error: unknown) => {
      redis.disconnect();
      throw new Error(`no connection to redis at ${host}:${port}`, { cause: reason ?? error });
    },
  );
};

/** The first of `nodes` that is reached and of which `then` gives something. Rejects with what the last one said. */
const firstOf = async <T>(
  nodes: readonly RedisNode[],
  options: Options,
  then: (redis: Redis, node: RedisNode) => Promise<T>,
): Promise<T> => {
  let last: unknown = new Error("no node is known");
  for (const node of nodes) {
    let redis: Redis | undefined;
    try {
      redis = await open(node, options);
      return await then(redis, node);
    } catch (error) {
      redis?.disconnect();
      last = error;
    }
  }
  throw last;
};

const shuffled = <T>(all: readonly T[], random: () => number): T[] =>
  all
    .map((it) => ({ it, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ it }) => it);

const isSame = (one: RedisNode, other: RedisNode): boolean => one.host === other.host && one.port === other.port;

/** Finds the way into Redis, of every kind; remembers the nodes of a Cluster, so that those in the settings may go. */
export const createDialler = (random: () => number = Math.random) => {
  let known: RedisNode[] = [];

  const askSentinels = ({ nodes, master = "", sentinelLogin, tls }: RedisServer): Promise<RedisNode> =>
    firstOf(
      shuffled(nodes, random),
      { ...sentinelLogin, ...(tls && { tls }), commandTimeout: ASK_MS, socketTimeout: ASK_MS, enableReadyCheck: false },
      async (sentinel) => {
        const found = masterReply.parse(await sentinel.call("SENTINEL", "get-master-addr-by-name", master));
        sentinel.disconnect();
        if (found === null) throw new Error(`Sentinel knows no master "${master}"`);
        return { host: found[0], port: found[1] };
      },
    );
  /** Which nodes a Cluster has, and which of them is the master that holds `key`. */
  const askCluster = async (
    redis: Redis,
    asked: RedisNode,
    key: string | undefined,
  ): Promise<RedisNode | undefined> => {
    const slots = slotsReply.parse(await redis.cluster("SLOTS"));
    const slot = key === undefined ? -1 : await redis.cluster("KEYSLOT", key);
    // A node that does not know its own name gives none.
    const nodeOf = ([host, port]: [string | null, number, ...unknown[]]) => ({ host: host || asked.host, port });
    known = slots.flatMap(([, , ...nodes]) => nodes.map(nodeOf));
    const owner = slots.find(([from, to]) => from <= slot && slot <= to)?.[2];
    return owner && nodeOf(owner);
  };

  /** One connection; rejects with why there is none. */
  return async (server: RedisServer, { name, key, scripts, commandMs, silentMs }: DialOptions): Promise<Redis> => {
    const options: Options = {
      ...server.login,
      ...(server.tls && { tls: server.tls }),
      ...(scripts && { scripts }),
      ...(commandMs !== undefined && { commandTimeout: commandMs }),
      ...(silentMs !== undefined && { socketTimeout: silentMs }),
      db: server.db,
      connectionName: name,
    };
    if (server.kind === "single")
      return firstOf(server.nodes, options, async (redis, { host, port }) => {
        const about = await redis.info("server").catch(() => "");
        if (!about.includes("redis_mode:cluster")) return redis;
        throw new Misconfigured(
          `the key uri of Redis: ${host}:${port} is a node of a Redis Cluster; append ?cluster=true`,
        );
      });
    if (server.kind === "sentinel") {
      const master = await askSentinels(server);
      return firstOf([master], options, async (redis) => {
        const [role] = roleReply.parse(await redis.role());
        if (role !== "master") throw new Error(`redis at ${master.host}:${master.port} is not the master any more`);
        return redis;
      });
    }
    const unknown = known.filter((node) => !server.nodes.some((seed) => isSame(seed, node)));
    return firstOf(shuffled([...server.nodes, ...unknown], random), options, async (redis, node) => {
      const owner = await askCluster(redis, node, key);
      if (key === undefined || (owner !== undefined && isSame(owner, node))) return redis;
      redis.disconnect();
      if (owner === undefined) throw new Error("no node of the Redis Cluster holds the slot");
      return open(owner, options);
    });
  };
};
