import { z } from "zod";

/** A token, or all that a user was given before a moment (ms since the epoch; a token's `iat` * 1000 is compared with it). */
export const revocation = z.union([
  z.object({ jti: z.string().min(1) }),
  z.object({ user: z.string().min(1), before: z.number() }),
]);
export type Revocation = z.infer<typeof revocation>;

/** Bus topic on which a gateway announces a revocation that is in the store, so that live connections end (JSON: revocation). */
export const REVOCATIONS_TOPIC = "revocations";
