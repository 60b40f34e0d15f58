import type { Snapshot } from "#crds";
import type { Instance } from "../port.ts";
import { instanceOf } from "./instance-of.ts";

/** What an instance last told of its load: jobs in hand, or connections. */
export interface Heard {
  /** Of the instance then: a process that came back has nothing of before. */
  restarts: number;
  load: number;
}

/** What instances have in hand, by name; undefined: not known, which is not nothing. */
export type InHand = ReadonlyMap<string, number | undefined>;

/** By instance, its load as a snapshot tells it. */
const reportedBy = (snapshot: Snapshot | undefined): Map<string, number> => {
  const loads = new Map<string, number>();
  const put = (node: string, load: number) => void loads.set(instanceOf(node), load);
  for (const { node, inHand } of snapshot?.workers ?? []) put(node, inHand.length);
  for (const { node, connections, carried } of snapshot?.gateways ?? []) put(node, connections + carried);
  return loads;
};

/**
 * What a role's instances have in hand, and what is to be remembered of it. One that serves and does not tell, or has told and is
 * cut off since, has who knows what; one that ended, or never served, has nothing.
 */
export const inHandOf = (
  instances: readonly Instance[],
  snapshot: Snapshot | undefined,
  before: ReadonlyMap<string, Heard>,
): { inHand: InHand; heard: ReadonlyMap<string, Heard> } => {
  const reported = reportedBy(snapshot);
  const inHand = new Map<string, number | undefined>();
  const heard = new Map<string, Heard>();
  for (const { instance, state, restarts } of instances) {
    const load = reported.get(instance);
    const last = before.get(instance);
    const isSame = last?.restarts === restarts;
    if (load !== undefined) heard.set(instance, { restarts, load });
    else if (last !== undefined && isSame) heard.set(instance, last);
    const isDown = state === "failing" || state === "backoff";
    inHand.set(instance, load ?? (!isDown && (state === "ready" || isSame) ? undefined : 0));
  }
  return { inHand, heard };
};
