import type { KubeObject } from "../runtime/object.ts";
import { podsOf, readySince } from "./pod.ts";

const CONTROL_PORT = 3002;

/** host:port of the control ports of the gateways that are ready and stay. */
export const controlsOf = (live: readonly KubeObject[]): string[] =>
  podsOf(live).flatMap((pod) => {
    const { podIP } = pod.status;
    if (pod.component !== "gateway" || podIP === undefined) return [];
    if (pod.stoppingSince !== undefined || readySince(pod) === undefined) return [];
    return [`${podIP.includes(":") ? `[${podIP}]` : podIP}:${CONTROL_PORT}`];
  });
