import { randomBytes } from "node:crypto";
import type { Engine } from "./engine.ts";

/** 48 random bits: by chance two of 1,000 gateways have the same in one of 600 million clusters, and then clients begin anew. */
const BYTES = 6;
const LENGTH = 8;
const NAMES_ONE = new RegExp(`^[A-Za-z0-9_-]{${LENGTH}}.`);

/** A number for the life of one gateway's process: 8 characters of base64url that say nothing of it. */
export const newNumber = (random: (bytes: number) => Buffer = randomBytes): string =>
  random(BYTES).toString("base64url");

/** The number of the gateway that made a session id; undefined where the id is none of ours. */
export const numberOf = (sid: string): string | undefined => (NAMES_ONE.test(sid) ? sid.slice(0, LENGTH) : undefined);

/** Makes each session id begin with `number`. What follows stays engine.io's own, or what the app's `generateId` gives. */
export const nameSessions = (engine: Engine, number: string): void => {
  const generate = engine.generateId.bind(engine);
  engine.generateId = (request) => {
    const id = generate(request);
    return typeof id === "string" ? number + id : id.then((it) => number + it);
  };
};
