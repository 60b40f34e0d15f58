import type { Facts, Judgement } from "./model.ts";
import { serverAnswers } from "./server-answers.ts";

/** True while the broker answers the gateways, or no pool needs it. */
export const brokerReady = (facts: Facts): Judgement =>
  facts.cluster.spec.workers.length === 0
    ? { status: "True", reason: "NotNeeded", message: "0 pools" }
    : serverAnswers(facts, "broker");
