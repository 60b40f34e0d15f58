import { Refusal, remoteWorkerAuth, type Pool, type RemoteWorkerAuth } from "#crds";
import { grantFor, type Keys } from "./keys.ts";

/** A worker that may take jobs of these pools. */
export interface Admission extends Pick<RemoteWorkerAuth, "key" | "credit" | "name"> {
  pools: readonly Pool[];
}

const NOT_ORDERED =
  "with RabbitMQ only workers of ours run a pool with orderBy: use those, broker.type zeromq, or orderBy none";

/**
 * Lets a worker in by its handshake's `auth`. Throws a Refusal: `invalid_payload`, `unauthorized` without a worker's key, `forbidden` for a pool
 * that its key does not name, or that remote workers would run out of order, `not_found` for one that there is not.
 */
export const admit = (
  auth: unknown,
  { keys, pools, orderedHands }: { keys: Keys; pools: readonly Pool[]; orderedHands: boolean },
): Admission => {
  const said = remoteWorkerAuth.parse(auth);
  const grant = grantFor(said.key, keys);
  if (grant === undefined)
    throw new Refusal("unauthorized", "auth.key is no worker's: its name is workers or worker.<pool>");
  const named = grant === "all" ? pools.map(({ name }) => name) : [...grant];
  const wanted = [...new Set(said.pools ?? named)];
  for (const name of wanted)
    if (grant !== "all" && !grant.has(name)) throw new Refusal("forbidden", `auth.key does not name the pool ${name}`);
  if (wanted.length === 0) throw new Refusal("not_found", "there is no pool");
  return {
    key: said.key,
    credit: said.credit,
    name: said.name,
    pools: wanted.map((name) => {
      const pool = pools.find((it) => it.name === name);
      if (pool === undefined) throw new Refusal("not_found", `there is no pool ${name}`);
      if (pool.orderBy !== "none" && !orderedHands) throw new Refusal("forbidden", NOT_ORDERED);
      return pool;
    }),
  };
};
