import { isOneOf } from "../api/bearer.ts";

/** API_KEYS_DIR: name → key. */
export type Keys = Readonly<Record<string, string>>;

/** Pools by name, or all there are. */
export type Grant = "all" | ReadonlySet<string>;

/**
 * The pools that a worker may serve with the key of that name: all for `workers`, those named for `worker.<pool>.<pool>…`; undefined where it
 * is a key of the HTTP API. What follows a `_` is a label: `workers_new`.
 */
export const grantOf = (name: string): Grant | undefined => {
  const [said = ""] = name.split("_", 1);
  if (said === "workers") return "all";
  const [first, ...pools] = said.split(".");
  return first === "worker" && pools.length > 0 ? new Set(pools) : undefined;
};

/** The keys of the HTTP API. */
export const apiKeys = (keys: Keys): string[] =>
  Object.entries(keys).flatMap(([name, key]) => (grantOf(name) === undefined ? [key] : []));

/** What a worker that presents this key may serve; undefined where it is no worker's key. */
export const grantFor = (presented: string, keys: Keys): Grant | undefined => {
  const grants = Object.entries(keys).flatMap(([name, key]) => {
    const grant = grantOf(name);
    return grant !== undefined && key !== "" && isOneOf(presented, [key]) ? [grant] : [];
  });
  if (grants.length === 0) return undefined;
  const named = grants.filter((grant) => grant !== "all");
  return named.length < grants.length ? "all" : new Set(named.flatMap((grant) => [...grant]));
};
