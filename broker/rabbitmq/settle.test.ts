import { describe, expect, test } from "@jest/globals";
import type { Pool } from "#crds";
import type { Outcome } from "../port.ts";
import { attemptOf, isLost } from "./attempt.ts";
import { readDeadLetter } from "./dead-letter.ts";
import { actFor } from "./settle.ts";

const pool: Pool = {
  name: "chat",
  events: ["*"],
  mode: "job",
  orderBy: "none",
  concurrency: 20,
  timeoutSeconds: 30,
  retry: { attempts: 3, backoffSeconds: 1, maxBackoffSeconds: 60 },
};
const V310 = { major: 3, minor: 10 };
const V43 = { major: 4, minor: 3 };
const retry: Outcome = { kind: "retry", inMs: 2000, error: "boom" };
const rejected: Outcome = { kind: "dead", reason: "rejected", error: "no" };
const release: Outcome = { kind: "release" };

describe("what becomes of a delivery", () => {
  test.each([
    ["done is acknowledged", pool, { kind: "done" } as const, 1, V310, "ack"],
    ["a request is never retried", { ...pool, mode: "request" as const }, retry, 1, V310, "ack"],
    ["a request leaves no dead letter", { ...pool, mode: "request" as const }, rejected, 1, V310, "ack"],
    ["one whose worker is gone is rejected to the head", pool, { kind: "lost" } as const, 3, V43, "reject"],
    ["a release goes to the head", pool, release, 1, V310, "requeue"],
    ["at its last attempt too where the server does not count it", pool, release, 3, V43, "requeue"],
    [
      "else as a copy with the attempt it had",
      pool,
      release,
      3,
      V310,
      { exchange: "c.incoming", key: "jobs.chat", persistent: true, headers: { "x-attempt": 3 } },
    ],
    [
      "a retry waits in its step's queue with the next attempt",
      pool,
      retry,
      2,
      V310,
      { exchange: "", key: "c.delay.chat.2000", persistent: true, headers: { "x-attempt": 3 } },
    ],
    [
      "a rejected job is a dead letter with its reason",
      pool,
      rejected,
      2,
      V310,
      {
        exchange: "",
        key: "c.dead.chat",
        persistent: true,
        headers: { "x-reason": "rejected", "x-error": "no", "x-attempts": 2, "x-at": 7, "x-original-key": "jobs.chat" },
      },
    ],
  ])("%s", (_sentence, of, outcome: Outcome, attempt, version, expected) => {
    expect(actFor({ cluster: "c", pool: of, version }, outcome, attempt, 7)).toEqual(expected);
  });

  test("a retry where the pool has none is a dead letter", () => {
    const once = { ...pool, retry: { ...pool.retry, attempts: 1 } };
    expect(actFor({ cluster: "c", pool: once, version: V310 }, retry, 1, 7)).toMatchObject({
      key: "c.dead.chat",
      headers: { "x-reason": "failed" },
    });
  });
});

describe("the attempt", () => {
  test.each([
    ["a fresh job is the first", {}, 1],
    ["our count", { "x-attempt": 3 }, 3],
    ["plus the server's", { "x-attempt": 3, "x-delivery-count": 2 }, 5],
    ["the server's alone", { "x-delivery-count": 1 }, 2],
    ["nonsense counts nothing", { "x-attempt": "many", "x-delivery-count": -1 }, 1],
    ["no headers", undefined, 1],
  ])("%s", (_sentence, headers, expected) => expect(attemptOf(headers)).toBe(expected));

  test("beyond the pool's the job is lost, but a request never", () => {
    expect(isLost(pool, 3)).toBe(false);
    expect(isLost(pool, 4)).toBe(true);
    expect(isLost({ ...pool, mode: "request" }, 4)).toBe(false);
  });
});

describe("a dead letter", () => {
  test("of the server's own making is lost", () => {
    const content = Buffer.from(JSON.stringify({ v: 1, id: "a", event: "e", mode: "job", at: 1 }));
    expect(readDeadLetter(pool, { content, headers: { "x-death": [] } })).toMatchObject({
      reason: "lost",
      pool: "chat",
      job: { id: "a" },
    });
  });

  test("of bytes that are no job has their hash as id and shows them", () => {
    const { job } = readDeadLetter(pool, { content: Buffer.from("{oops"), headers: { "x-reason": "malformed" } });
    expect(job).toMatchObject({ event: "(malformed)", payload: "{oops", id: expect.stringMatching(/^[0-9a-f]{32}$/) });
  });
});
