import type { Observation, Signal } from "../port.ts";
import type { Role } from "../topology/model.ts";
import { inHandOf, type Heard, type InHand } from "./in-hand.ts";
import type { Decision, Doubt } from "./model.ts";
import { readingOf } from "./read.ts";
import { initialScale, scale, type ScaleState } from "./scale.ts";

interface RoleMemory {
  count: number;
  state: ScaleState;
  heard: ReadonlyMap<string, Heard>;
  decision: Decision | undefined;
}

/** What is remembered of a cluster's counts between two passes. */
export interface CountMemory {
  roles: ReadonlyMap<Role["name"], RoleMemory>;
  /** When the last snapshot was made, by its own clock, and since when it is known by ours. */
  snapshot: { at: number; since: number } | undefined;
}

export const initialCounts: CountMemory = { roles: new Map(), snapshot: undefined };

/** How a count that follows a load came to be. */
export interface Scaling {
  role: Role;
  desired: number;
  /** The last one. */
  decision: Decision;
  isLimited: boolean;
  doubt: Doubt | undefined;
  inHand: InHand;
}

export interface Counted {
  /** With their counts as they are wanted now. */
  roles: Role[];
  scalings: Scaling[];
  /** Of these, those whose count is another than before. */
  news: Scaling[];
  memory: CountMemory;
}

export interface CountInput {
  roles: readonly Role[];
  observation: Pick<Observation, "instances" | "counts">;
  signal: Signal | undefined;
  /** Nothing may change now. */
  isHeld: boolean;
  now: number;
}

/** What is said again and again is as old as when it was first said. */
const STALE_MS = 10_000;

const sameReason = (a: Decision | undefined, b: Decision): boolean =>
  (a?.reason === "Unknown") === (b.reason === "Unknown");

/** The counts of all roles: of those that follow their load as it asks, of those that somebody else counts as they are. */
export const countRoles = (input: CountInput, before: CountMemory): Counted => {
  const { roles, observation, isHeld, now } = input;
  const at = input.signal?.snapshot.at;
  const snapshot =
    at === undefined ? before.snapshot : before.snapshot?.at === at ? before.snapshot : { at, since: now };
  const signal = snapshot !== undefined && now - snapshot.since > STALE_MS ? undefined : input.signal;
  const memories = new Map<string, RoleMemory>();
  const scalings: Scaling[] = [];
  const news: Scaling[] = [];

  const counted = (role: Role): Role => {
    const known = before.roles.get(role.name);
    const asked = observation.counts?.[role.name];
    if (role.scale === undefined) {
      if (role.isCountedElsewhere !== true) return role;
      const count = asked ?? known?.count ?? role.count;
      // What was ours stays as it is until somebody counts it.
      if (known !== undefined)
        memories.set(role.name, { count, state: initialScale, heard: new Map(), decision: undefined });
      return { ...role, count };
    }
    const own = observation.instances.filter(({ of, state }) => of === role.name && state !== "stopping");
    const { inHand, heard } = inHandOf(own, signal?.snapshot, known?.heard ?? new Map());
    const current = known?.count ?? asked ?? own.length;
    if (isHeld) {
      memories.set(role.name, { count: current, state: initialScale, heard, decision: known?.decision });
      return { ...role, count: current };
    }
    const reading = readingOf(role, { own, inHand, heard, signal });
    const { count, reason, detail, isLimited, doubt, state } = scale(
      { rules: role.scale, reading, current, now },
      known?.state ?? initialScale,
    );
    const made: Decision = { from: current, to: count, reason, detail, at: now };
    const isNews = count !== current || !sameReason(known?.decision, made);
    const decision = isNews || known?.decision === undefined ? made : known.decision;
    const scaling: Scaling = { role, desired: count, decision, isLimited, doubt, inHand };
    scalings.push(scaling);
    if (count !== current) news.push(scaling);
    memories.set(role.name, { count, state, heard, decision });
    return { ...role, count };
  };
  return { roles: roles.map(counted), scalings, news, memory: { roles: memories, snapshot } };
};
