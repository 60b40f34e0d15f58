import { z } from "zod";
import { boundedEntry, jobKey, LEDGER_LIMITS, ledgerEntry, rankOf } from "#crds";
import type { Ledger, LedgerEntry } from "../port.ts";
import type { RedisConnection } from "./connection.ts";
import { FIELDS } from "./ledger-scripts.ts";

const texts = z.array(z.string());
const overviewReply = z.tuple([z.number(), texts, texts, texts]);
const fields = z.array(z.string()).length(FIELDS.length);

const json = (value: unknown): string => (value === undefined ? "" : (JSON.stringify(value) ?? ""));
const text = (value: string | number | undefined): string => (value === undefined ? "" : String(value).toWellFormed());

/** In the order of FIELDS. */
const textOf = (entry: LedgerEntry): string => {
  const rank = String(rankOf(entry));
  const error = entry.state === "done" ? "" : json(entry.error);
  return JSON.stringify([
    text(entry.id),
    text(entry.user),
    text(entry.pool),
    text(entry.event),
    entry.state,
    rank,
    String(entry.attempt),
    json(entry.progress),
    json(entry.result),
    error,
    text(entry.worker),
    text(entry.queuedAt),
    text(entry.startedAt),
    text(entry.endedAt),
    error === "" ? "-1" : rank,
  ]);
};

const NUMBERS = new Set<string>(["attempt", "queuedAt", "startedAt", "endedAt"]);
const VALUES = new Set<string>(["progress", "result", "error"]);

const entryOf = (stored: string): LedgerEntry => {
  const values = fields.parse(JSON.parse(stored));
  const entry: Record<string, unknown> = {};
  for (const [index, name] of FIELDS.entries()) {
    const value = values[index] ?? "";
    if (value !== "") entry[name] = NUMBERS.has(name) ? Number(value) : VALUES.has(name) ? JSON.parse(value) : value;
  }
  return ledgerEntry.parse(entry);
};

/** At most this many entries per script call, so that Redis is never held for long. */
const BATCH = 500;

/** The ledger in Redis: one script call per 500 entries. */
export const redisLedger = (redis: RedisConnection, prefix: string): Ledger => ({
  async record(entries) {
    for (let from = 0; from < entries.length; from += BATCH)
      await redis.run(
        "ledgerRecord",
        ...entries
          .slice(from, from + BATCH)
          .flatMap((given) => [jobKey(given.user, given.id), textOf(boundedEntry(given))]),
      );
  },
  async get(user, id) {
    const stored = await redis.ask((it) => it.get(`${prefix}job:${jobKey(user, id)}`));
    return stored === null ? undefined : entryOf(stored);
  },
  async overview(pool, limit) {
    const reply = await redis.run("ledgerOverview", pool, Math.min(limit, LEDGER_LIMITS.overview));
    const [waiting, queued, running, finished] = overviewReply.parse(reply);
    return { waiting, queued: queued.map(entryOf), running: running.map(entryOf), finished: finished.map(entryOf) };
  },
  async requestCancel(user, id) {
    await redis.ask((it) => it.set(`${prefix}cancel:${jobKey(user, id)}`, "1", "PX", LEDGER_LIMITS.markMs));
  },
  cancelRequested: async (user, id) =>
    (await redis.ask((it) => it.exists(`${prefix}cancel:${jobKey(user, id)}`))) === 1,
});
