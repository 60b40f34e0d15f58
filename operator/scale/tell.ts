import type { ClusterEvent } from "#crds";
import type { Role } from "../topology/model.ts";
import type { Scaling } from "./count.ts";

/** What people call what is counted: a pool by its name. */
export const calledOf = ({ role, pool }: Role): string => pool ?? (role === "gateway" ? "gateways" : role);

/** `chat 2 → 7: backlog 640, target 100`, or what holds it where it is. */
export const sentenceOf = ({ role, decision: { from, to, detail } }: Pick<Scaling, "role" | "decision">): string =>
  `${calledOf(role)} ${from === to ? to : `${from} → ${to}`}: ${detail}`;

/** A count that changed, as it is said on the channel `cluster`. */
export const scaledEvent = (cluster: string, scaling: Scaling): ClusterEvent => {
  const { role, decision } = scaling;
  return {
    at: decision.at,
    role: role.role,
    instance: `${cluster}-${role.name}`,
    ...(role.pool === undefined ? {} : { pool: role.pool }),
    what: "scaled",
    message: sentenceOf(scaling).slice(0, 512),
  };
};
