import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { jobKey, type Job, type LedgerEntry } from "#crds";
import { eventually } from "#testing";
import { createQueued, type Queued } from "./queued.ts";

const job = (fields: Partial<Job> = {}): Job => ({
  v: 1,
  id: "a",
  event: "e",
  user: "u",
  mode: "job",
  at: 7,
  payload: null,
  ...fields,
});

let recorded: LedgerEntry[];
let queued: Queued;
beforeEach(() => {
  recorded = [];
  queued = createQueued((entry) => recorded.push(entry), { ageMs: 20 });
});
afterEach(() => queued[Symbol.dispose]());

test("a job that waits is recorded once, and known before that", async () => {
  queued.taken("p", job());
  const entry = { id: "a", user: "u", pool: "p", event: "e", state: "queued", attempt: 1, queuedAt: 7 };
  expect(queued.find(jobKey("u", "a"))).toEqual(entry);
  expect(recorded).toEqual([]);
  await eventually(() => expect(recorded).toEqual([entry]));
  expect(queued.size()).toBe(0);
});

test("one whose worker was heard is left to its worker", () => {
  queued.taken("p", job());
  queued.heard(jobKey("u", "a"));
  queued[Symbol.dispose]();
  expect(recorded).toEqual([]);
});

test("one without a user is recorded at once, what is no job never", () => {
  const { user: _none, ...nobody } = job({ id: "b" });
  queued.taken("p", nobody);
  queued.taken("p", job({ mode: "copy" }));
  expect(recorded.map(({ id }) => id)).toEqual(["b"]);
});

test("closing records what is left", () => {
  queued.taken("p", job());
  queued[Symbol.dispose]();
  expect(recorded).toHaveLength(1);
});
