import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

export const PARTITIONS = 64;
const MAX_KEY_BYTES = 200;
const OF_NAMESPACES = "io:";
const OF_MAIN_ROOMS = "io:/#";

/** The exchange to which everything for gateways is published. */
export const outgoingExchange = (cluster: string): string => `${cluster}.outgoing`;

/** The key under which all of a partition's rooms are heard. */
export const partitionKey = (partition: number): string => `p:${partition}`;

const isPlain = (room: string): boolean => room !== "" && !/^(?:\/|#|p:)/.test(room);

const fitting = (key: string): string =>
  Buffer.byteLength(key) <= MAX_KEY_BYTES ? key : `#sha256:${createHash("sha256").update(key).digest("hex")}`;

/**
 * The routing key of a Bus topic: a room of the main namespace is its own; those that are empty or begin with `/`, `#` or `p:` are
 * `/#<room>`; a room of another namespace is `<nsp>#<room>`, a namespace itself `<nsp>`; all other topics are `#<topic>`. A key of more
 * than 200 bytes of UTF-8 is `#sha256:` and the hash of these bytes, in hex.
 */
export const keyOf = (topic: string): string => {
  if (!topic.startsWith(OF_NAMESPACES)) return fitting(`#${topic}`);
  if (!topic.startsWith(OF_MAIN_ROOMS)) return fitting(topic.slice(OF_NAMESPACES.length));
  const room = topic.slice(OF_MAIN_ROOMS.length);
  return fitting(isPlain(room) ? room : `/#${room}`);
};

/** The partition of a room's topic; undefined for every other topic. */
export const partitionOf = (topic: string, key = keyOf(topic)): number | undefined =>
  topic.startsWith(OF_NAMESPACES) && topic.includes("#") ? crc32(key) % PARTITIONS : undefined;

/** How a message to `topics` is published: the routing key, and further ones in the header CC, the rooms' partitions among them. */
export const routeOf = (topics: string | readonly string[]): { key: string; cc: string[] } => {
  if (typeof topics === "string") {
    const key = keyOf(topics);
    const partition = partitionOf(topics, key);
    return { key, cc: partition === undefined ? [] : [partitionKey(partition)] };
  }
  const keys = topics.map(keyOf);
  const partitions = new Set<string>();
  for (const [index, topic] of topics.entries()) {
    const partition = partitionOf(topic, keys[index]);
    if (partition !== undefined) partitions.add(partitionKey(partition));
  }
  const [key = "", ...rest] = keys;
  return { key, cc: [...rest, ...partitions] };
};
