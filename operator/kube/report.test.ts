import { expect, test } from "@jest/globals";
import type { Condition } from "../status/model.ts";
import { isTold } from "./report.ts";

const condition = (type: Condition["type"], status: Condition["status"], rest: Partial<Condition> = {}): Condition => ({
  type,
  status,
  reason: "Some",
  message: "…",
  observedGeneration: 1,
  lastTransitionTime: "2026-01-01T00:00:00Z",
  ...rest,
});
const ready = (status: Condition["status"], rest?: Partial<Condition>) => condition("Ready", status, rest);

const cases: [string, Condition | undefined, Condition, boolean][] = [
  ["a new cluster that is not ready yet", undefined, ready("False"), false],
  ["a cluster that an operator finds ready", undefined, ready("True"), true],
  ["a cluster that becomes ready", ready("False"), ready("True"), true],
  ["the same said again", ready("True"), ready("True"), false],
  ["a cluster that stops serving by itself", ready("True"), ready("False", { reason: "NotGatewaysReady" }), true],
  ["a cluster that changes since its user wants it", ready("True"), ready("False", { observedGeneration: 2 }), false],
  ["one step of a change after the other", ready("False"), ready("False", { reason: "Progressing" }), false],
  ["what stalls", condition("Stalled", "False"), condition("Stalled", "True"), true],
  [
    "what stalls for another reason",
    condition("Stalled", "True"),
    condition("Stalled", "True", { reason: "Other" }),
    true,
  ],
  ["what has not stalled", undefined, condition("Stalled", "False"), false],
  ["what stalls no more", condition("Stalled", "True"), condition("Stalled", "False"), true],
  ["a condition that is nobody's news", undefined, condition("Paused", "True"), false],
];
test.each(cases)("%s", (_sentence, before, after, told) => expect(isTold(before, after)).toBe(told));
