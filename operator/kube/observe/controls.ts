import type { KubeObject } from "../runtime/object.ts";
import { podsOf, readySince } from "./pod.ts";

const CONTROL_PORT = 3002;

type Pod = ReturnType<typeof podsOf>[number];

const controls = (live: readonly KubeObject[], isMeant: (pod: Pod) => boolean): string[] =>
  podsOf(live).flatMap((pod) => {
    const { podIP } = pod.status;
    if (pod.component !== "gateway" || podIP === undefined || !isMeant(pod)) return [];
    return [`${podIP.includes(":") ? `[${podIP}]` : podIP}:${CONTROL_PORT}`];
  });

/** host:port of the control ports of the gateways that are ready and stay. */
export const controlsOf = (live: readonly KubeObject[]): string[] =>
  controls(live, (pod) => pod.stoppingSince === undefined && readySince(pod) !== undefined);

/** The same of all gateways, those too that drain. */
export const allControlsOf = (live: readonly KubeObject[]): string[] => controls(live, () => true);
