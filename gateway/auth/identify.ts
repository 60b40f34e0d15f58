import { Refusal } from "#crds";
import type { Identity, Tokens } from "./tokens.ts";

/**
 * Who connects, by `auth.token` of the handshake. An anonymous user whose token is no longer good is a new anonymous user;
 * a user's token that is not good is refused even where anonymous users are let in.
 */
export const identify = async (token: unknown, tokens: Tokens, open: boolean): Promise<Identity> => {
  const guest = () => {
    const identity = tokens.anonymous();
    if (identity === undefined) throw new Refusal("unauthorized");
    return identity;
  };
  if (token === undefined || token === null || token === "") return guest();
  if (typeof token !== "string") {
    if (open) return guest();
    throw new Refusal("unauthorized");
  }
  try {
    return await tokens.verify(token);
  } catch (error) {
    if (open || (tokens.isSession(token) && tokens.anonymous() !== undefined)) return guest();
    throw error;
  }
};
