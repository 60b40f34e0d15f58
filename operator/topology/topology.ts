import { bytesOf, type Cluster, type Pool } from "#crds";
import { configHash } from "./config-hash.ts";
import { entryRole } from "./entry.ts";
import { gatewayRole } from "./gateway.ts";
import { hubRole } from "./hub.ts";
import type { EnvValue, PodParts, Release, Role, Topology } from "./model.ts";
import { planes } from "./servers.ts";
import { livePool, workerRole } from "./worker.ts";

/** `hub`: every managed server is the hub, and an entry spreads connections. `server`: each is a server of its own, and roles are pods of a release. */
export type TopologyOptions =
  | { managedAs: "hub" }
  | {
      managedAs: "server";
      release: Release;
      /** Pools that the resource no longer has and whose queue still holds jobs. */
      leaving?: readonly Pool[];
    };

type PodFields = { [field in keyof PodParts]?: PodParts[field] | undefined };

const withPod = (role: Role, release: Release, fields: PodFields): Role => {
  const { image = release.image, resources, imagePullSecrets, serviceAccountName, podTemplate } = fields;
  const pod: PodParts = { image, resources, imagePullSecrets, serviceAccountName, podTemplate };
  return { ...role, pod, configHash: configHash({ of: role.configHash, pod, version: release.version }) };
};

/** Everything that says something to clients says it in the log, or nothing does. */
const recoveryOf = ({ spec }: Cluster): Record<string, EnvValue> => {
  const { recovery } = spec.gateway;
  if (recovery === undefined) return {};
  const { maxMessages, maxBytes } = recovery;
  return { RECOVERY: JSON.stringify({ maxMessages, maxBytes: bytesOf(maxBytes) }) };
};

/** The processes that make `cluster` so. */
export const topology = (cluster: Cluster, options: TopologyOptions): Topology => {
  const { spec } = cluster;
  const { servers, env } = planes(cluster, options.managedAs);
  const laptop = options.managedAs === "hub";
  const dataPlane: Record<string, EnvValue> = {
    CLUSTER: cluster.name,
    PROBE_PORT: { port: "probes" },
    CONFIG_FILE: { file: "config" },
    ...recoveryOf(cluster),
    ...env,
  };
  const asPod = (role: Role, fields: PodFields = {}): Role =>
    options.managedAs === "hub" ? role : withPod(role, options.release, fields);
  const leaving = options.managedAs === "hub" ? [] : (options.leaving ?? []);
  return {
    cluster: cluster.name,
    generation: cluster.generation,
    roles: [
      ...(servers.some(({ name }) => name === "hub") ? [asPod(hubRole(cluster.name))] : []),
      asPod(gatewayRole(cluster, dataPlane, laptop), spec.gateway),
      ...spec.workers.map((pool) => asPod(workerRole(pool, dataPlane), pool)),
      ...(laptop ? [entryRole(cluster)] : []),
    ],
    servers,
    ...(options.managedAs === "hub" ? {} : { release: options.release }),
    liveConfig: {
      pools: [...spec.workers.map(livePool), ...leaving.map((pool) => ({ ...pool, leaving: true }))],
    },
    problems: [],
  };
};
