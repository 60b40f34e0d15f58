import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { MongoError, MongoServerError } from "mongodb";
import { backoffMs } from "#process";
import { logMetrics } from "../../log/metrics.ts";
import type { LogOptions } from "../../log/open.ts";
import type { OpenLog } from "../../log/port.ts";
import { makeCapped } from "../capped.ts";
import { connect } from "../connection.ts";
import { createPieces } from "../pieces.ts";
import { createAppender } from "./appender.ts";
import { createChain } from "./chain.ts";
import { followChain } from "./follower.ts";

/** What a document takes beside its entries, and what more there is room for. */
const DOCUMENT_BYTES = 256;
const SPARE_BYTES = 32 << 20;
const BACKOFF = { minMs: 50, maxMs: 3000 };

/**
 * The Log in the capped collection `<cluster>.log`, which is made where it is not there, with room for what is to be kept; bytes of entries
 * above 256 KiB are in `<cluster>.log.large`. Rejects where the server does not answer within 10 s.
 */
export const openMongoLog = async (options: LogOptions): Promise<OpenLog> => {
  const { cluster, node, settings, log, registry, limits } = options;
  const collection = `${cluster}.log`;
  const large = `${collection}.large`;
  const size = limits.maxBytes + limits.maxMessages * DOCUMENT_BYTES + SPARE_BYTES;
  const metrics = logMetrics(registry);
  const self = randomBytes(9).toString("base64url");
  let named = 0;
  const name = () => `${self}.${(named += 1).toString(36)}`;

  await using opening = new AsyncDisposableStack();
  const connection = opening.use(await connect(settings, { name: `${node}-log`, log }));
  const { db } = connection;
  const pieces = createPieces({ db, collection: large, id: name });
  const chain = createChain({ db, collection, size, name, log });
  await chain.prepare();
  await makeCapped(db(), large, limits.maxBytes + SPARE_BYTES);
  await chain.look();

  const closed = new AbortController();
  let isAway = false;
  const comeBack = async (failures = 1): Promise<void> => {
    await sleep(backoffMs(failures, BACKOFF), undefined, { ref: false });
    if (closed.signal.aborted) return;
    await connection.renew();
    try {
      await db().command({ ping: 1 });
      isAway = false;
    } catch {
      await comeBack(failures + 1);
    }
  };
  const failed = (error: unknown) => {
    const isAnswer = error instanceof MongoServerError || !(error instanceof MongoError);
    if (isAway || isAnswer || closed.signal.aborted) return;
    isAway = true;
    log.warn({ err: error, collection }, "mongo is away");
    appender.away(error);
    void comeBack();
  };
  const connected = () => !isAway;
  const appender = opening.use(createAppender({ db, collection, chain, pieces, name, connected, failed, metrics }));
  const followers = opening.use(new AsyncDisposableStack());
  opening.defer(async () => closed.abort());
  const stack = opening.move();
  return {
    append: appender.append,
    follow: (from, follower) =>
      followChain(from, follower, {
        db,
        collection,
        limits,
        chain,
        pieces,
        heard: (head) => {
          chain.learn(head);
          if (!head.writer.startsWith(self)) appender.contended();
        },
        failed,
        metrics,
        log,
        closing: followers,
      }),
    connected,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};
