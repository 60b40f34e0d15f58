import { differences } from "./differences.ts";
import type { Condition, Facts, Judgement } from "./model.ts";

type Parts = Record<
  "GatewaysReady" | "BrokerReady" | "AdapterReady" | "WorkersReady" | "Reconciling" | "Stalled" | "Paused",
  Judgement
> & { Exposed?: Judgement };

const NEEDED = [
  "GatewaysReady",
  "AdapterReady",
  "BrokerReady",
  "WorkersReady",
  "Exposed",
] as const satisfies Condition["type"][];

/** True while this generation serves: every part is ready and nothing of it is on its way, or held back. */
export const ready = (parts: Parts, facts: Facts): Judgement => {
  if (parts.Stalled.status === "True") return { ...parts.Stalled, status: "False" };
  const missing = NEEDED.flatMap((type) => {
    const part = parts[type];
    return part === undefined || part.status === "True" ? [] : [{ type, ...part }];
  });
  const [first] = missing;
  if (first !== undefined)
    return {
      status: missing.some(({ status }) => status === "False") ? "False" : "Unknown",
      reason: `Not${first.type}`,
      message: missing.map(({ message }) => message).join("; "),
    };
  if (parts.Reconciling.status === "True") return { ...parts.Reconciling, status: "False" };
  const held = parts.Paused.status === "True" ? differences(facts) : undefined;
  if (held !== undefined)
    return {
      status: "False",
      reason: parts.Paused.reason,
      message: `generation ${facts.topology.generation} is held back: ${held}`,
    };
  return { status: "True", reason: "Serving", message: parts.GatewaysReady.message };
};
