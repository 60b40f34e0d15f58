import { describe, expect, test } from "@jest/globals";
import type { Pool } from "#crds";
import { priorityOf } from "./priority.ts";
import { atLeast, parseVersion, partitionOf, partitions, queuesOf, routingKeyOf, whyNot } from "./queues.ts";

const pool: Pool = {
  name: "chat",
  events: ["chat:*"],
  mode: "job",
  orderBy: "none",
  concurrency: 20,
  timeoutSeconds: 30,
  retry: { attempts: 3, backoffSeconds: 1, maxBackoffSeconds: 60 },
};
const V310 = { major: 3, minor: 10 };
const V312 = { major: 3, minor: 12 };
const V40 = { major: 4, minor: 0 };
const queue = (over: Partial<Pool>, name: string, version = V310) =>
  queuesOf("c", { ...pool, ...over }, version).find((it) => it.name === name);

describe("a pool's queues", () => {
  test.each([
    [
      "a job pool has dead letters, jobs and one delay per step",
      {},
      ["c.dead.chat", "c.jobs.chat", "c.delay.chat.1000", "c.delay.chat.2000"],
    ],
    [
      "so has a copy pool",
      { mode: "copy" as const },
      ["c.dead.chat", "c.jobs.chat", "c.delay.chat.1000", "c.delay.chat.2000"],
    ],
    ["one attempt needs no delay", { retry: { ...pool.retry, attempts: 1 } }, ["c.dead.chat", "c.jobs.chat"]],
    ["a request pool has one queue", { mode: "request" as const }, ["c.requests.chat"]],
  ])("%s", (_sentence, over: Partial<Pool>, names) => {
    expect(queuesOf("c", { ...pool, ...over }, V310).map(({ name }) => name)).toEqual(names);
  });

  test("the jobs' is a quorum queue that returns to its head and loses nothing when it dead-letters", () => {
    expect(queue({}, "c.jobs.chat")).toMatchObject({
      key: "jobs.chat",
      arguments: {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1_000_000_000,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
      },
    });
  });

  test("a delay's gives back to the jobs' after its time, at least once", () => {
    expect(queue({}, "c.delay.chat.2000")?.arguments).toEqual({
      "x-queue-type": "quorum",
      "x-message-ttl": 2000,
      "x-dead-letter-exchange": "c.incoming",
      "x-dead-letter-routing-key": "jobs.chat",
      "x-dead-letter-strategy": "at-least-once",
      "x-overflow": "reject-publish",
    });
  });

  test.each([
    ["a short timeout leaves the server's own", 30, V312, undefined],
    ["a long one is told to the queue", 3600, V312, 3_660_000],
    ["but not to a server that does not know it", 3600, V310, undefined],
  ])("%s", (_sentence, timeoutSeconds, version, expected) => {
    expect(queue({ timeoutSeconds }, "c.jobs.chat", version)?.arguments["x-consumer-timeout"]).toBe(expected);
  });
});

describe("a pool with orderBy", () => {
  const ordered = queuesOf("c", { ...pool, orderBy: "user" }, V40);

  test("has dead letters, 16 partitions and a note of attempts for each, and no delays", () => {
    const numbers = Array.from({ length: 16 }, (_, index) => index);
    expect(ordered.map(({ name }) => name).sort()).toEqual(
      ["c.dead.chat", ...numbers.flatMap((n) => [`c.attempts.chat.${n}`, `c.jobs.chat.${n}`])].sort(),
    );
    expect(ordered.flatMap(({ key }) => key ?? []).sort()).toEqual(numbers.map((n) => `jobs.chat.${n}`).sort());
  });

  test("a partition has one consumer at a time, and arguments that no setting of the pool changes", () => {
    const other = queuesOf("c", { ...pool, orderBy: "a.b", timeoutSeconds: 86_400, concurrency: 1 }, V40);
    expect(other).toEqual(ordered);
    expect(ordered.find(({ name }) => name === "c.jobs.chat.7")?.arguments).toMatchObject({
      "x-queue-type": "quorum",
      "x-single-active-consumer": true,
      "x-consumer-timeout": 2_000_000_000,
    });
  });

  test.each([
    ["ann", 3],
    ["bob", 0],
    ["größe", 9],
    ["", 0],
  ])("the jobs of the key %j are in the partition crc32 modulo 16, %i", (key, partition) => {
    expect(partitionOf({ key, id: "x" })).toBe(partition);
    expect(routingKeyOf({ ...pool, orderBy: "user" }, { key, id: "x" })).toBe(`jobs.chat.${partition}`);
  });

  test("a job without a key is where its id says", () => {
    expect(partitionOf({ id: "ann" })).toBe(partitionOf({ key: "ann", id: "x" }));
  });

  test("workers share the partitions, and one that comes takes from each and moves nothing between the others", () => {
    const owners = (nodes: readonly string[]) =>
      partitions.map((n) => nodes.toSorted((a, b) => priorityOf(b, n) - priorityOf(a, n))[0]);
    const before = owners(["a", "b", "c"]);
    const after = owners(["a", "b", "c", "d"]);
    expect(new Set(before).size).toBe(3);
    expect(after.filter((owner, index) => owner !== before[index] && owner !== "d")).toEqual([]);
    expect(after).toContain("d");
  });
});

describe("whyNot", () => {
  test.each([
    ["a plain pool is served", {}, V310, undefined],
    [
      "orderBy needs 4.0",
      { orderBy: "user" },
      V312,
      /pool chat: workers\[\]\.orderBy needs RabbitMQ 4\.0 .* broker\.type: zeromq/,
    ],
    ["and is served from there on", { orderBy: "user", timeoutSeconds: 3600 }, V40, undefined],
    ["a job of an hour needs 3.12", { timeoutSeconds: 3600 }, V310, /timeoutSeconds above 1740 needs RabbitMQ 3\.12/],
    ["and is served from there on", { timeoutSeconds: 3600 }, V312, undefined],
  ])("%s", (_sentence, over: Partial<Pool>, version, expected) => {
    const reason = whyNot({ ...pool, ...over }, version);
    if (expected === undefined) expect(reason).toBeUndefined();
    else expect(reason).toMatch(expected);
  });
});

describe("a server's release", () => {
  test.each([
    ["3.10.8", { major: 3, minor: 10 }],
    ["4.3.0-rc.1", { major: 4, minor: 3 }],
    ["unknown", undefined],
    [undefined, undefined],
  ])("%s", (text, expected) => expect(parseVersion(text)).toEqual(expected));

  test.each([
    [{ major: 3, minor: 9 }, false],
    [{ major: 3, minor: 10 }, true],
    [{ major: 4, minor: 0 }, true],
  ])("%j is 3.10 or later: %s", (version, expected) => expect(atLeast(version, 3, 10)).toBe(expected));
});
