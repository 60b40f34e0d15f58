import { matchesAny, type Gateway } from "#crds";
import { z } from "zod";

/** What a user may do: lists of patterns; `join` are channels that he is put into at connect. */
export interface Grants {
  read: readonly string[];
  write: readonly string[];
  join: readonly string[];
  events: readonly string[];
}

/** Where the resource has no `auth`: everyone may do everything. */
export const EVERYTHING: Grants = { read: ["*"], write: ["*"], join: [], events: ["*"] };

const names = z.array(z.string().min(1).max(200)).catch([]);
const claims = z.object({
  channels: z.object({ read: names, write: names, join: names }).catch({ read: [], write: [], join: [] }),
  events: names,
});

/** The grants among a token's claims; a claim that is missing or malformed grants nothing. */
export const grantsOfClaims = (payload: unknown): Grants => {
  const { channels, events } = claims.parse(payload);
  return { ...channels, events };
};

/** What users without a token may do; undefined where a token is needed. */
export const anonymousGrants = (auth: Gateway["auth"]): Grants | undefined => {
  if (auth === undefined) return EVERYTHING;
  if (auth.anonymous === undefined) return undefined;
  const { channels, events } = auth.anonymous;
  return { ...channels, events };
};

export const mayRead = (grants: Grants, channel: string): boolean => matchesAny(grants.read, channel);
export const mayWrite = (grants: Grants, channel: string): boolean => matchesAny(grants.write, channel);
export const maySend = (grants: Grants, event: string): boolean => matchesAny(grants.events, event);
