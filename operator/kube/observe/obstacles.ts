import type { Cluster } from "#crds";
import type { Obstacle } from "../../port.ts";
import type { KubeObject } from "../runtime/object.ts";
import type { PodEvent } from "./event.ts";
import { exposeObstacles } from "./expose-obstacles.ts";
import { podObstacles } from "./pod-obstacles.ts";
import { refusalObstacles, type RefusedWrite } from "./refusal-obstacles.ts";

export interface ObstaclesInput {
  cluster: Cluster;
  live: readonly KubeObject[];
  events: readonly PodEvent[];
  /** Of the last pass. */
  refusals: readonly RefusedWrite[];
  now: number;
}

/** All that is wrong and that a user may have to mend, each with the way out; what lasts comes first. */
export const obstaclesOf = ({ cluster, live, events, refusals, now }: ObstaclesInput): Obstacle[] =>
  [
    ...refusalObstacles(refusals, cluster),
    ...podObstacles({ live, events, cluster, now }),
    ...exposeObstacles(live, now),
  ].toSorted((a, b) => Number(b.isLasting) - Number(a.isLasting));
