import type { ConditionType, Judgement } from "./model.ts";

type Parts = Record<
  "GatewaysReady" | "BrokerReady" | "AdapterReady" | "WorkersReady" | "Reconciling" | "Stalled",
  Judgement
>;

const NEEDED = ["GatewaysReady", "AdapterReady", "BrokerReady", "WorkersReady"] as const satisfies ConditionType[];

/** True while this generation serves: every part is ready and nothing of it is on its way. */
export const ready = (parts: Parts): Judgement => {
  if (parts.Stalled.status === "True") return { ...parts.Stalled, status: "False" };
  const missing = NEEDED.filter((type) => parts[type].status !== "True");
  const [first] = missing;
  if (first !== undefined)
    return {
      status: missing.some((type) => parts[type].status === "False") ? "False" : "Unknown",
      reason: `Not${first}`,
      message: missing.map((type) => parts[type].message).join("; "),
    };
  if (parts.Reconciling.status === "True") return { ...parts.Reconciling, status: "False" };
  return { status: "True", reason: "Serving", message: parts.GatewaysReady.message };
};
