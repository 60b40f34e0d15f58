import { decode, encode } from "@msgpack/msgpack";
import { historyEntry, LEDGER_LIMITS } from "#crds";
import type { History, Ids, Revocations } from "../port.ts";
import type { Ask, Clock } from "./ask.ts";
import { bytesOf } from "./bytes-of.ts";
import { idOf, insertNew } from "./collections.ts";

/** A day beyond the entries that it numbers. */
const COUNTER_MS = 24 * 3_600_000;

/** Job ids that clients gave. */
export const mongoIds = (ask: Ask, clock: Clock): Ids => {
  const idMark = (key: string) => idOf("id", key);
  const until = () => new Date(clock() + LEDGER_LIMITS.markMs);
  return {
    begin: (key, { gateway, event }) =>
      ask(async ({ marks }) => {
        for (;;) {
          const _id = idMark(key);
          if (await insertNew(marks, { _id, event, gateway, expireAt: until() })) return { state: "new" };
          const held = await marks.findOne({ _id });
          if (held === null) continue;
          if (held.expireAt.getTime() <= clock()) {
            await marks.deleteOne({ _id, expireAt: held.expireAt });
            continue;
          }
          const { event: first = "", ack } = held;
          if (ack === undefined) return { state: "pending", event: first };
          return { state: "taken", event: first, ack: JSON.parse(ack) as unknown };
        }
      }),
    take: (key, ack, event) =>
      ask(async ({ marks }) => {
        const $set = { ack: JSON.stringify(ack) ?? "null", expireAt: until() };
        const { matchedCount } = await marks.updateOne({ _id: idMark(key) }, { $set });
        if (matchedCount > 0 || event === undefined) return;
        if (!(await insertNew(marks, { _id: idMark(key), event, ...$set })))
          await marks.updateOne({ _id: idMark(key) }, { $set });
      }),
    drop: (key) =>
      ask(async ({ marks }) => void (await marks.deleteOne({ _id: idMark(key), ack: { $exists: false } }))),
  };
};

/** Revoked tokens, each a mark that expires with the token. */
export const mongoRevocations = (ask: Ask, clock: Clock): Revocations => ({
  async revoke(what, ttlSeconds) {
    if (ttlSeconds <= 0) return;
    const expireAt = new Date(clock() + Math.ceil(ttlSeconds * 1000));
    const [_id, before] = "user" in what ? [idOf("user", what.user), what.before] : [idOf("jti", what.jti), 0];
    await ask(({ marks }) => marks.updateOne({ _id }, { $max: { before, expireAt } }, { upsert: true }));
  },
  async isRevoked({ jti, user, issuedAt }) {
    const ids = [idOf("user", user), ...(jti === undefined ? [] : [idOf("jti", jti)])];
    const found = await ask(({ marks }) => marks.find({ _id: { $in: ids } }).toArray());
    return found.some(
      ({ _id, before = 0, expireAt }) => expireAt.getTime() > clock() && (_id !== ids[0] || issuedAt < before),
    );
  },
});

/** The last events of a channel, a document each, numbered by a counter; binary arguments stay binary. */
export const mongoHistory = (ask: Ask, clock: Clock): History => ({
  async append(channel, entry, { maxMessages, ttlSeconds }) {
    if (maxMessages < 1 || ttlSeconds <= 0) return;
    const bytes = Buffer.from(encode(entry, { ignoreUndefined: true }));
    const expireAt = new Date(clock() + Math.ceil(ttlSeconds * 1000));
    await ask(async ({ marks, history }) => {
      for (;;) {
        const counter = await marks.findOneAndUpdate(
          { _id: idOf("history", channel) },
          { $inc: { count: 1 }, $max: { expireAt: new Date(expireAt.getTime() + COUNTER_MS) } },
          { upsert: true, returnDocument: "after" },
        );
        const place = counter?.count ?? 0;
        if (!(await insertNew(history, { _id: idOf(channel, place), channel, place, entry: bytes, expireAt })))
          continue;
        await history.deleteMany({ channel, place: { $lte: place - maxMessages } });
        return;
      }
    });
  },
  async last(channel, limit) {
    if (limit < 1) return [];
    const found = await ask(({ history }) =>
      history
        .find({ channel, expireAt: { $gt: new Date(clock()) } })
        .sort({ place: -1 })
        .limit(limit)
        .toArray(),
    );
    return found.toReversed().map(({ entry }) => historyEntry.parse(decode(bytesOf(entry))));
  },
});
