import type { Scaling } from "../scale/count.ts";
import { sentenceOf } from "../scale/tell.ts";
import type { Deed } from "./act.ts";
import type { Happening } from "./runtime/events.ts";

/** Up to so many are told one by one. */
const FEW = 3;

const named = ({ ref: { kind, name }, detail }: Deed): string =>
  `${kind} ${name}${detail === undefined ? "" : ` to ${detail}`}`;

/** A count that changed, with why. */
export const scaledEventOf = (scaling: Pick<Scaling, "role" | "decision">): Omit<Happening, "about"> => {
  const { from, to } = scaling.decision;
  return {
    type: "Normal",
    reason: to > from ? "ScaledUp" : "ScaledDown",
    action: "Scaled",
    message: sentenceOf(scaling),
  };
};

/**
 * How the deeds of a pass are told in `kubectl describe`: each by itself, or where there are many of a kind all in one. Counts are told
 * where they are decided.
 */
export const eventsOf = (deeds: readonly Deed[]): Omit<Happening, "about">[] =>
  [
    ...Map.groupBy(
      deeds.filter(({ what }) => what !== "scaled"),
      ({ what }) => what,
    ),
  ].flatMap(([what, group]) => {
    const done = `${what.charAt(0).toUpperCase()}${what.slice(1)}`;
    const messages =
      group.length <= FEW
        ? group.map((deed) => `${done} ${named(deed)}`)
        : [`${done} ${group.length} objects: ${group.map(named).join(", ")}`];
    return messages.map((message) => ({ type: "Normal" as const, reason: done, action: done, message }));
  });
