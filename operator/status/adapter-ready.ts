import type { Facts, Judgement } from "./model.ts";
import { serverAnswers } from "./server-answers.ts";

/** True while the server that carries deliveries answers the gateways. */
export const adapterReady = (facts: Facts): Judgement => serverAnswers(facts, "adapter");
