import { z } from "zod";
import { boundedEntry, jobKey, LEDGER_LIMITS, ledgerEntry, rankOf } from "#crds";
import type { Ledger, LedgerEntry } from "../port.ts";
import type { RedisConnection } from "./connection.ts";

const flat = z.array(z.string());
const overviewReply = z.tuple([z.number(), z.array(flat), z.array(flat), z.array(flat)]);

const json = (value: unknown): string => (value === undefined ? "" : (JSON.stringify(value) ?? ""));
const text = (value: string | number | undefined): string | number => value ?? "";

const argumentsOf = (given: LedgerEntry): (string | number)[] => {
  const entry = boundedEntry(given);
  return [
    jobKey(entry.user, entry.id),
    entry.id,
    text(entry.user),
    entry.pool,
    entry.event,
    entry.state,
    rankOf(entry),
    entry.attempt,
    json(entry.progress),
    json(entry.result),
    json(entry.error),
    text(entry.worker),
    text(entry.queuedAt),
    text(entry.startedAt),
    text(entry.endedAt),
  ];
};

const NUMBERS = new Set(["attempt", "queuedAt", "startedAt", "endedAt"]);
const VALUES = new Set(["progress", "result", "error"]);

const entryOf = (fields: Record<string, string>): LedgerEntry =>
  ledgerEntry.parse(
    Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        name,
        NUMBERS.has(name) ? Number(value) : VALUES.has(name) ? (JSON.parse(value) as unknown) : value,
      ]),
    ),
  );

const entriesOf = (jobs: string[][]): LedgerEntry[] =>
  jobs.map((job) => {
    const fields: Record<string, string> = {};
    for (let index = 0; index + 1 < job.length; index += 2) fields[String(job[index])] = String(job[index + 1]);
    return entryOf(fields);
  });

/** At most this many entries per script call, so that Redis is never held for long. */
const BATCH = 500;

/** The ledger in Redis: one script call per 500 entries. */
export const redisLedger = (redis: RedisConnection, prefix: string): Ledger => ({
  async record(entries) {
    for (let from = 0; from < entries.length; from += BATCH)
      await redis.run("ledgerRecord", ...entries.slice(from, from + BATCH).flatMap(argumentsOf));
  },
  async get(user, id) {
    const fields = await redis.ask((it) => it.hgetall(`${prefix}job:${jobKey(user, id)}`));
    return Object.keys(fields).length === 0 ? undefined : entryOf(fields);
  },
  async overview(pool, limit) {
    const reply = await redis.run("ledgerOverview", pool, Math.min(limit, LEDGER_LIMITS.overview));
    const [waiting, queued, running, finished] = overviewReply.parse(reply);
    return { waiting, queued: entriesOf(queued), running: entriesOf(running), finished: entriesOf(finished) };
  },
  async requestCancel(user, id) {
    await redis.ask((it) => it.set(`${prefix}cancel:${jobKey(user, id)}`, "1", "PX", LEDGER_LIMITS.markMs));
  },
  cancelRequested: async (user, id) =>
    (await redis.ask((it) => it.exists(`${prefix}cancel:${jobKey(user, id)}`))) === 1,
});
