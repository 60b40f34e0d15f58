import { setTimeout as sleep } from "node:timers/promises";
import { MongoServerError } from "mongodb";
import { backoffMs } from "#process";

const ATTEMPTS = 5;
const BACKOFF = { minMs: 10, maxMs: 500 };
export const DUPLICATE = 11_000;

/**
 * Does it again where the server refused it for now (a change of primary, FerretDB's SQLite that is locked), five times at most. That a
 * document is there already is no failure, so that an insert with an `_id` of its own may be repeated. A server that is away is not waited for.
 */
export const retried = async (act: () => Promise<unknown>): Promise<void> => {
  for (let failures = 1; ; failures += 1) {
    try {
      await act();
      return;
    } catch (error) {
      if (error instanceof MongoServerError && error.code === DUPLICATE) return;
      if (!(error instanceof MongoServerError) || failures === ATTEMPTS) throw error;
      await sleep(backoffMs(failures, BACKOFF));
    }
  }
};
