import { z } from "zod";
import { Misconfigured, type ServerSettings } from "#process";

/** One process of Redis. */
export interface RedisNode {
  host: string;
  port: number;
}

/** How Redis is reached, as `uri` and `ca.crt` of its Secret say it. */
export interface RedisServer {
  /** `single`: this one; `sentinel`: Sentinels, which know the master; `cluster`: some nodes of a Redis Cluster, which know the others. */
  kind: "single" | "sentinel" | "cluster";
  nodes: readonly RedisNode[];
  /** As Sentinel names it. */
  master: string | undefined;
  sentinelLogin: Login;
  login: Login;
  db: number;
  tls: { ca?: string } | undefined;
  /** In front of the channels of emissions. */
  prefix: string | undefined;
}

interface Login {
  username?: string | undefined;
  password?: string | undefined;
}

const PORTS = { redis: 6379, sentinel: 26379 };
const FORM =
  /^(?<scheme>rediss?(?:\+sentinel)?):\/\/(?:(?<login>[^@]*)@)?(?<nodes>[^/?#@]*)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?$/;
const NODE = /^(?:\[(?<ipv6>[^\]]+)\]|(?<name>[^:[\]]+))(?::(?<port>\d+))?$/;
const WAYS =
  "redis://user:password@host:6379/0, rediss:// for TLS, redis+sentinel://host:26379,host:26379/<master>, or redis://host:6379,host:6379 for a Redis Cluster";

const query = z.strictObject({
  prefix: z.string().min(1).optional(),
  cluster: z.enum(["true", "false"]).optional(),
  sentinelUsername: z.string().optional(),
  sentinelPassword: z.string().optional(),
});

/** What is wrong never has the uri in it: that holds a password. */
const wrong = (what: string, instead = `write it as ${WAYS}`): Misconfigured =>
  new Misconfigured(`the key uri of Redis: ${what}; ${instead}`);

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong("the user or the password has a % that encodes nothing", "write % as %25");
  }
};

const loginOf = (text: string | undefined): Login => {
  if (text === undefined) return {};
  const [username = "", ...password] = text.split(":");
  return { username: decoded(username) || undefined, password: decoded(password.join(":")) || undefined };
};

const nodesOf = (text: string, port: number): RedisNode[] =>
  text.split(",").map((node) => {
    const { ipv6, name, port: own } = NODE.exec(node)?.groups ?? {};
    const host = ipv6 ?? name;
    if (host === undefined || Number(own ?? port) > 65_535) throw wrong(`"${node}" is no host:port`);
    return { host, port: Number(own ?? port) };
  });

const queryOf = (text: string | undefined): z.infer<typeof query> => {
  const read = query.safeParse(Object.fromEntries(new URLSearchParams(text)));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const name = issue?.code === "unrecognized_keys" ? issue.keys[0] : issue?.path[0];
  throw wrong(
    `?${String(name)}= is not known, or not with this value`,
    `known are ${Object.keys(query.shape).join(", ")}; cluster is true or false`,
  );
};

const dbOf = (text: string): number => {
  if (!/^\d*$/.test(text)) throw wrong(`"${text}" is no number of a database`);
  return Number(text);
};

/** Reads where Redis is. Throws `Misconfigured`, which names what is wrong in the Secret and the way out, never the password. */
export const redisServer = ({ uri, ca }: ServerSettings): RedisServer => {
  const { scheme, login, nodes: hosts, path = "", query: text } = FORM.exec(uri.trim())?.groups ?? {};
  if (scheme === undefined || hosts === undefined || hosts === "") throw wrong("it is no address of Redis");
  const asked = queryOf(text);
  const isSentinel = scheme.endsWith("+sentinel");
  const nodes = nodesOf(hosts, isSentinel ? PORTS.sentinel : PORTS.redis);
  const segments = path.split("/").slice(1).map(decoded);
  const master = isSentinel ? segments.shift() : undefined;
  if (segments.length > 1) throw wrong("its path has too many parts");
  const db = dbOf(segments[0] ?? "");
  const isCluster = asked.cluster === "true" || (asked.cluster === undefined && nodes.length > 1 && !isSentinel);
  if (isSentinel && !master) throw wrong("Sentinel's name of the master is not there");
  if (isSentinel && isCluster) throw wrong("it names Sentinels and a Redis Cluster, which has none", "leave one out");
  if (isCluster && db !== 0) throw wrong(`a Redis Cluster has no database ${db}`, "leave it out");
  if (!isSentinel && !isCluster && nodes.length > 1)
    throw wrong("it names several hosts with ?cluster=false", "name one, or leave ?cluster= out");
  if (!isSentinel && (asked.sentinelUsername ?? asked.sentinelPassword) !== undefined)
    throw wrong("?sentinelUsername= and ?sentinelPassword= are for redis+sentinel://", "leave them out");
  return {
    kind: isSentinel ? "sentinel" : isCluster ? "cluster" : "single",
    nodes,
    master,
    sentinelLogin: { username: asked.sentinelUsername, password: asked.sentinelPassword },
    login: loginOf(login),
    db,
    tls: ca === undefined ? (scheme.startsWith("rediss") ? {} : undefined) : { ca },
    prefix: asked.prefix,
  };
};
