import { describe, expect, test } from "@jest/globals";
import { ERRORS, type Job, type Pool } from "#crds";
import { Reject } from "./reject.ts";
import { decide, type Ended, type Verdict } from "./decide.ts";

const pool: Pool = {
  name: "chat",
  events: ["chat:*"],
  mode: "job",
  orderBy: "none",
  concurrency: 20,
  timeoutSeconds: 30,
  retry: { attempts: 3, backoffSeconds: 1, maxBackoffSeconds: 60 },
};
const failed = { code: "handler_failed", message: ERRORS.handler_failed.message };
const late = { code: "handler_failed", message: "The handler did not end within 30 s" };
const cancelled = { code: "cancelled", message: ERRORS.cancelled.message };
const boom: Ended = { how: "thrown", error: new Error("password of the database") };
const no: Ended = { how: "thrown", error: new Reject("no such channel") };
const timeout: Ended = { how: "aborted", why: "timeout" };

interface Case {
  when: string;
  ended: Ended;
  mode?: Job["mode"];
  attempt?: number;
  expected: Verdict;
}

const cases: Case[] = [
  {
    when: "a handler that returns is done, with its result",
    ended: { how: "returned", result: 7 },
    expected: { outcome: { kind: "done" }, state: "done", label: "done", result: 7 },
  },
  {
    when: "a throw is retried after the backoff, its text goes to the broker and not to the sender",
    ended: boom,
    expected: {
      outcome: { kind: "retry", inMs: 1000, error: "Error: password of the database" },
      state: "retrying",
      label: "retried",
      error: failed,
    },
  },
  {
    when: "the second throw waits twice as long",
    ended: boom,
    attempt: 2,
    expected: {
      outcome: { kind: "retry", inMs: 2000, error: "Error: password of the database" },
      state: "retrying",
      label: "retried",
      error: failed,
    },
  },
  {
    when: "the last throw is dead",
    ended: boom,
    attempt: 3,
    expected: {
      outcome: { kind: "dead", reason: "failed", error: "Error: password of the database" },
      state: "failed",
      label: "failed",
      error: failed,
    },
  },
  {
    when: "a Reject is dead at once and says why",
    ended: no,
    expected: {
      outcome: { kind: "dead", reason: "rejected", error: "Reject: no such channel" },
      state: "failed",
      label: "rejected",
      error: { code: "rejected", message: "no such channel" },
    },
  },
  {
    when: "an attempt that took too long is retried",
    ended: timeout,
    expected: {
      outcome: { kind: "retry", inMs: 1000, error: late.message },
      state: "retrying",
      label: "timeout",
      error: late,
    },
  },
  {
    when: "the last attempt that took too long is dead",
    ended: timeout,
    attempt: 3,
    expected: {
      outcome: { kind: "dead", reason: "failed", error: late.message },
      state: "failed",
      label: "timeout",
      error: late,
    },
  },
  {
    when: "a cancelled job is settled and no dead letter",
    ended: { how: "aborted", why: "cancelled" },
    expected: { outcome: { kind: "done" }, state: "cancelled", label: "cancelled", error: cancelled },
  },
  {
    when: "what a stopping worker has in hand is handed back, and nobody is told",
    ended: { how: "aborted", why: "stopping" },
    expected: { outcome: { kind: "release" }, state: undefined, label: "released" },
  },
  {
    when: "an attempt whose worker is gone is lost, without a word",
    ended: { how: "aborted", why: "lost" },
    expected: { outcome: { kind: "lost" }, state: undefined, label: "lost" },
  },
  {
    when: "a job that was done before is settled, and nobody is told",
    ended: { how: "repeated" },
    expected: { outcome: { kind: "done" }, state: undefined, label: "repeated" },
  },
  {
    when: "a copy is retried like a job",
    ended: boom,
    mode: "copy",
    expected: {
      outcome: { kind: "retry", inMs: 1000, error: "Error: password of the database" },
      state: "retrying",
      label: "retried",
      error: failed,
    },
  },
  {
    when: "a request that throws is answered, not retried",
    ended: boom,
    mode: "request",
    expected: { outcome: { kind: "done" }, state: "failed", label: "failed", error: failed },
  },
  {
    when: "a request that is rejected is answered with the reason",
    ended: no,
    mode: "request",
    expected: {
      outcome: { kind: "done" },
      state: "failed",
      label: "rejected",
      error: { code: "rejected", message: "no such channel" },
    },
  },
  {
    when: "a request that takes too long is a timeout to the sender",
    ended: timeout,
    mode: "request",
    expected: {
      outcome: { kind: "done" },
      state: "failed",
      label: "timeout",
      error: { code: "request_timeout", message: ERRORS.request_timeout.message },
    },
  },
];

describe("decide", () => {
  test.each(cases)("$when", ({ ended, mode = "job", attempt = 1, expected }) => {
    expect(decide(ended, { pool, mode, attempt })).toEqual(expected);
  });
});
