import { z } from "zod";
import { canonical, without } from "./canonical.ts";

const condition = z.looseObject({
  type: z.string(),
  status: z.string(),
  lastTransitionTime: z.string().optional(),
});
const withConditions = z.looseObject({ conditions: z.array(condition).optional() });

/** A status to write, and what of it is new: nothing, numbers alone, or more. */
export interface StatusChange {
  status: object;
  change: "none" | "numbers" | "more";
}

const byType = (status: unknown): unknown => {
  const { success, data } = withConditions.safeParse(status);
  if (!success || data.conditions === undefined) return status;
  return { ...data, conditions: [...data.conditions].sort((a, b) => (a.type < b.type ? -1 : 1)) };
};

/** ISO 8601 in whole seconds, as Kubernetes writes times. */
const timeOf = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");

/**
 * What to write where the object's status is `live` and is to be `wanted`: a condition whose `status` stays keeps its lastTransitionTime,
 * another gets the one that it brings, or now. The order of conditions means nothing. `numbers` are paths as of `without`.
 */
export const statusChange = (
  live: unknown,
  wanted: object,
  { now, numbers = [] }: { now: number; numbers?: readonly (readonly string[])[] },
): StatusChange => {
  const before = withConditions.safeParse(live).data?.conditions ?? [];
  const after = withConditions.safeParse(wanted).data?.conditions;
  const conditions = after?.map((it) => {
    const known = before.find(({ type, status }) => type === it.type && status === it.status);
    return { ...it, lastTransitionTime: known?.lastTransitionTime ?? it.lastTransitionTime ?? timeOf(now) };
  });
  const status = conditions === undefined ? wanted : { ...wanted, conditions };
  const [liveSorted, statusSorted] = [byType(live ?? {}), byType(status)];
  if (canonical(liveSorted) === canonical(statusSorted)) return { status, change: "none" };
  const rest = (value: unknown) => canonical(numbers.reduce(without, value));
  return { status, change: rest(liveSorted) === rest(statusSorted) ? "numbers" : "more" };
};
