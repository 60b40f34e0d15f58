import type { Cluster } from "#crds";
import type { Observation, Obstacle } from "../../port.ts";
import type { KubeObject } from "../runtime/object.ts";
import { countsOf } from "./counts.ts";
import type { PodEvent } from "./event.ts";
import { instancesOf } from "./instances.ts";
import { leavingPools } from "./leaving.ts";
import { obstaclesOf } from "./obstacles.ts";
import type { RefusedWrite } from "./refusal-obstacles.ts";
import { serversOf } from "./servers.ts";
import { runningVersion } from "./version.ts";

export interface ObservationInput {
  /** As it is wanted now. */
  cluster: Cluster;
  /** All children of the cluster. */
  live: readonly KubeObject[];
  /** What `PodEvents` tells about them. */
  events: readonly PodEvent[];
  /** What the API server refused in the last pass. */
  refusals: readonly RefusedWrite[];
  /** What the last plan found wrong itself. */
  planned: readonly Obstacle[];
  now: number;
}

/** A cluster as it is; pure. The same objects give the same sentences, whenever they are looked at. */
export const observationOf = ({ cluster, live, events, refusals, planned, now }: ObservationInput): Observation => {
  const version = runningVersion(live);
  return {
    instances: instancesOf(live, now, events),
    servers: serversOf(live, now, events),
    obstacles: [...planned, ...obstaclesOf({ cluster, live, events, refusals, now })],
    leaving: leavingPools(live, cluster),
    counts: countsOf(live),
    ...(version === undefined ? {} : { version }),
  };
};
