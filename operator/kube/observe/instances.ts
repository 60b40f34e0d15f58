import type { Instance } from "../../port.ts";
import type { KubeObject } from "../runtime/object.ts";
import { ailmentOf } from "./ailment.ts";
import type { PodEvent } from "./event.ts";
import { containersOf, isOver, podsOf, readySince, roleOf, type Pod } from "./pod.ts";

const stateOf = (pod: Pod, now: number, events: readonly PodEvent[]): Pick<Instance, "state" | "since" | "message"> => {
  if (pod.stoppingSince !== undefined) return { state: "stopping", since: pod.stoppingSince };
  const ready = readySince(pod);
  if (ready !== undefined) return { state: "ready", since: ready };
  const ailment = ailmentOf(pod, now, events);
  if (ailment === undefined) return { state: "starting", since: pod.createdAt };
  const { since, message } = ailment;
  if (!ailment.isDown) return { state: "starting", since, message };
  return { state: ailment.wasReady ? "backoff" : "failing", since, message };
};

/** A cluster's pods as instances, the oldest first; servers' pods and those that are over are none. */
export const instancesOf = (live: readonly KubeObject[], now: number, events: readonly PodEvent[] = []): Instance[] =>
  podsOf(live).flatMap((pod) => {
    const role = roleOf(pod);
    if (role === undefined || isOver(pod)) return [];
    return [
      {
        instance: pod.name,
        role,
        ...(pod.pool === undefined ? {} : { pool: pod.pool }),
        of: pod.of,
        configHash: pod.configHash,
        restarts: Math.max(0, ...containersOf(pod).map(({ restartCount }) => restartCount)),
        ...stateOf(pod, now, events),
      },
    ];
  });
