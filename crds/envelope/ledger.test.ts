import { describe, expect, test } from "@jest/globals";
import { boundedEntry, mergeEntry, type LedgerEntry, type LedgerRecord } from "./ledger.ts";

const entry = (given: Partial<LedgerEntry>): LedgerEntry => ({
  id: "1",
  pool: "p",
  event: "e",
  state: "queued",
  attempt: 1,
  ...given,
});
const error = (message: string) => ({ code: "handler_failed", message });
const merged = (...entries: LedgerEntry[]): LedgerEntry | undefined =>
  entries.reduce<LedgerRecord | undefined>(mergeEntry, undefined)?.entry;

describe("the ledger's rule", () => {
  test.each<[string, Partial<LedgerEntry>[], Partial<LedgerEntry>]>([
    ["a later stage wins", [{ state: "queued" }, { state: "running" }], { state: "running" }],
    [
      "an earlier stage that comes late changes nothing",
      [{ state: "retrying" }, { state: "running" }],
      { state: "retrying" },
    ],
    ["a later attempt wins", [{ state: "retrying" }, { state: "queued", attempt: 2 }], { state: "queued", attempt: 2 }],
    ["an end wins over any attempt", [{ state: "done" }, { state: "running", attempt: 9 }], { state: "done" }],
    ["of equal rank the later wins", [{ progress: 2 }, { progress: 1 }], { progress: 1 }],
    [
      "what the later leaves out stays",
      [
        { state: "running", worker: "w", progress: 1 },
        { state: "running", progress: 2 },
      ],
      { state: "running", worker: "w", progress: 2 },
    ],
    [
      "what came too late fills gaps",
      [{ state: "done", result: 1 }, { queuedAt: 5 }],
      { state: "done", result: 1, queuedAt: 5 },
    ],
    [
      "what came too late overwrites nothing",
      [{ state: "running", queuedAt: 5 }, { queuedAt: 6 }],
      { state: "running", queuedAt: 5 },
    ],
    [
      "an attempt's progress, worker and start are its own",
      [
        { state: "running", progress: 9, worker: "w", startedAt: 1 },
        { state: "running", attempt: 2 },
      ],
      { state: "running", attempt: 2 },
    ],
    [
      "also when they come late",
      [
        { state: "running", attempt: 2 },
        { state: "running", progress: 9, worker: "w", startedAt: 1 },
      ],
      { state: "running", attempt: 2 },
    ],
    [
      "the last error stays while it is tried again",
      [
        { state: "retrying", error: error("a") },
        { state: "running", attempt: 2 },
      ],
      { state: "running", attempt: 2, error: error("a") },
    ],
    [
      "of two errors the later attempt's stays",
      [
        { state: "running", attempt: 3 },
        { state: "retrying", attempt: 2, error: error("b") },
        { state: "retrying", error: error("a") },
      ],
      { state: "running", attempt: 3, error: error("b") },
    ],
    [
      "a job that is done has no error",
      [
        { state: "retrying", error: error("a") },
        { state: "done", attempt: 2, error: error("b") },
        { state: "retrying", error: error("c") },
      ],
      { state: "done", attempt: 2 },
    ],
    [
      "done wins over failed",
      [{ state: "failed", attempt: 3, error: error("a"), endedAt: 1 }, { state: "done" }],
      { state: "done" },
    ],
    [
      "failed does not win over done",
      [{ state: "done" }, { state: "failed", attempt: 3, error: error("a") }],
      { state: "done" },
    ],
    [
      "null is a value",
      [
        { state: "running", progress: 1 },
        { state: "running", progress: null },
      ],
      { state: "running", progress: null },
    ],
  ])("%s", (_sentence, entries, expected) => {
    expect(merged(...entries.map(entry))).toStrictEqual(entry(expected));
  });

  test.each<[string, Partial<LedgerEntry>, Partial<LedgerEntry>]>([
    ["a small result", { result: { a: 1 } }, { result: { a: 1 } }],
    ["a large object", { result: { a: "x".repeat(17_000) } }, {}],
    ["a result with binary", { result: { a: new Uint8Array([104, 105]) } }, { result: { a: { $binary: "aGk=" } } }],
    ["a result that is long as base64", { result: Buffer.alloc(13_000) }, {}],
    ["a long text", { progress: "x".repeat(17_000) }, {}],
    ["what is no JSON", { result: [1n] }, {}],
    ["a long message", { error: error("x".repeat(3000)) }, { error: error("x".repeat(2000)) }],
  ])("bounds %s", (_what, given, expected) => {
    expect(boundedEntry(entry(given))).toEqual(entry(expected));
  });
});
