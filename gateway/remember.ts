import { matchesAny, type Gateway } from "#crds";
import type { Log } from "#process";
import type { History } from "#store";
import type { GatewayContext } from "./context.ts";

/** Keeps what is published (by clients and over HTTP) in the channels that `history` names; the first entry that matches says how much. */
export const createRemember =
  (history: History, keeps: Gateway["history"]): GatewayContext["remember"] =>
  async (channel, entry) => {
    const keep = keeps.find(({ channels }) => matchesAny(channels, channel));
    if (keep !== undefined) await history.append(channel, entry, keep);
  };

/** The same where nobody waits for it: a store that does not answer is logged. */
export const quietly =
  (remember: GatewayContext["remember"], log: Log): GatewayContext["remember"] =>
  (channel, entry) =>
    remember(channel, entry).catch((error: unknown) => log.warn({ err: error }, "the history could not take an event"));
