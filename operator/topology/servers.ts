import type { Cluster } from "#crds";
import type { EnvValue, Server, ServerName } from "./model.ts";

/** Who runs the managed servers: the hub for all of them, or each a server of its own. */
export type ManagedAs = "hub" | "server";

type Plane = "adapter" | "broker" | "store";

const DIRECTORY = { hub: "HUB_DIR", redis: "REDIS_DIR", rabbitmq: "RABBITMQ_DIR", mongo: "MONGO_DIR" } as const;

export interface Planes {
  servers: Server[];
  /** ADAPTER, BROKER, STORE and the directory of each server that one of them needs. */
  env: Record<string, EnvValue>;
}

const driver = (name: ServerName) => (name === "hub" ? "zeromq" : name);

/** Which server carries what, and what processes must know of it. Does not depend on the pools, so that the first one restarts nobody. */
export const planes = ({ spec }: Cluster, managedAs: ManagedAs): Planes => {
  const secretOf = (name: ServerName): string | undefined =>
    name === "hub" ? undefined : spec.servers[name]?.secretRef?.name;
  const serverOf = (type: string): ServerName => {
    const name = type === "redis" || type === "rabbitmq" || type === "mongo" ? type : "hub";
    return secretOf(name) === undefined && managedAs === "hub" ? "hub" : name;
  };
  const uses: Record<Plane, ServerName> = {
    adapter: serverOf(spec.adapter.type),
    broker: serverOf(spec.broker.type),
    store: serverOf(spec.store.type),
  };
  const names = [...new Set(Object.values(uses))].sort();
  return {
    servers: names.map((name) => {
      const secret = secretOf(name);
      const isUsed = spec.workers.length > 0 || uses.adapter === name || uses.store === name;
      return { name, isUsed, ...(secret === undefined ? {} : { secret }) };
    }),
    env: {
      ADAPTER: driver(uses.adapter),
      BROKER: driver(uses.broker),
      STORE: uses.store,
      ...Object.fromEntries(
        names.map((name) => {
          const ofSecret = secretOf(name);
          return [DIRECTORY[name], ofSecret === undefined ? { server: name } : { server: name, ofSecret }];
        }),
      ),
    },
  };
};
