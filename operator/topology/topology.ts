import type { Cluster } from "#crds";
import { entryRole } from "./entry.ts";
import { gatewayRole } from "./gateway.ts";
import { hubRole } from "./hub.ts";
import type { EnvValue, Topology } from "./model.ts";
import { notServed } from "./not-served.ts";
import { planes, type ManagedAs } from "./servers.ts";
import { livePool, workerRole } from "./worker.ts";

/** The processes that make `cluster` so. `hub`: every managed server is the hub, and an entry spreads connections. */
export const topology = (cluster: Cluster, { managedAs }: { managedAs: ManagedAs }): Topology => {
  const { servers, env, problems } = planes(cluster, managedAs);
  const laptop = managedAs === "hub";
  const dataPlane: Record<string, EnvValue> = {
    CLUSTER: cluster.name,
    PROBE_PORT: { port: "probes" },
    CONFIG_FILE: { file: "config" },
    ...env,
  };
  return {
    cluster: cluster.name,
    generation: cluster.generation,
    roles: [
      ...(servers.some(({ name }) => name === "hub") ? [hubRole(cluster.name)] : []),
      gatewayRole(cluster, dataPlane, laptop),
      ...cluster.spec.workers.map((pool) => workerRole(pool, dataPlane)),
      ...(laptop ? [entryRole(cluster)] : []),
    ],
    servers,
    liveConfig: { pools: cluster.spec.workers.map(livePool) },
    problems: [...problems, ...notServed(cluster, env)],
  };
};
