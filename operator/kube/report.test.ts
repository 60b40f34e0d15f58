import { expect, test } from "@jest/globals";
import type { Condition } from "../status/model.ts";
import { silentLog } from "#process";
import { Registry } from "prom-client";
import type { Happening } from "./runtime/events.ts";
import { memoryClient } from "./runtime/memory-client.ts";
import { isTold, openReport } from "./report.ts";

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
  ["what is not known", condition("DrainPaced", "True"), condition("DrainPaced", "Unknown"), false],
  ["what is known to be well", condition("DrainPaced", "Unknown"), condition("DrainPaced", "True"), false],
  ["what is known not to be", condition("DrainPaced", "Unknown"), condition("DrainPaced", "False"), true],
  ["a condition that is nobody's news", undefined, condition("Paused", "True"), false],
];
test.each(cases)("%s", (_sentence, before, after, told) => expect(isTold(before, after)).toBe(told));

const resourceOf = (status?: object) => ({
  apiVersion: "realtimecluster.dev/v1alpha1",
  kind: "RealtimeCluster",
  metadata: { name: "chat", namespace: "default", uid: "1", resourceVersion: "1" },
  ...(status === undefined ? {} : { status }),
});
const serving = { observedGeneration: 1, conditions: [ready("True")], pools: [] };
const facts = { cluster: undefined, live: [], own: "0.1.0" };

const setUp = () => {
  const client = memoryClient();
  const registry = new Registry();
  const told: Happening[] = [];
  const recorder = { record: (it: Happening) => void told.push(it), [Symbol.asyncDispose]: async () => {} };
  const report = openReport({ client, recorder, log: silentLog(), registry });
  return { client, told, report, metrics: () => registry.metrics() };
};

test.each([
  ["a cluster that is ready for the first time is told", resourceOf(), 1],
  ["one that an operator before this one had told is not told again", resourceOf(serving), 0],
])("%s", async (_sentence, resource, times) => {
  const { client, report, told } = setUp();
  await using _ = report;
  await client.create(resourceOf(), { fieldManager: "test" });
  await report.write(resource, serving, facts);
  expect(told).toHaveLength(times);
});

test("a cluster that goes while its status is written leaves no metric", async () => {
  const { client, report, metrics } = setUp();
  await using _ = report;
  client.intercept(() => report.forget(resourceOf()));
  await report.write(resourceOf(), serving, facts);
  expect(await metrics()).not.toContain('realtime_cluster="chat"');
});

test("counts that follow a load are measured with their reason, and leave nothing when they no longer do", async () => {
  const { client, report, metrics } = setUp();
  await using _ = report;
  await client.create(resourceOf(), { fieldManager: "test" });
  const scaling = (reason: string) => [
    { name: "gateway", desired: 4, actual: 3, reason, message: "…", at: "2026-01-01T00:00:00Z" },
  ];
  const of = 'cluster_namespace="default",realtime_cluster="chat",of="gateway"';
  await report.write(resourceOf(), { ...serving, scaling: scaling("Connections") }, facts);
  await report.write(resourceOf(), { ...serving, scaling: scaling("Lag") }, facts);
  const text = await metrics();
  expect(text).toContain(`realtime_operator_desired_replicas{${of}} 4`);
  expect(text).toContain(`realtime_operator_ready_replicas{${of}} 3`);
  expect(text).toContain(`realtime_operator_scaling_reason{${of},reason="Lag"} 1`);
  expect(text).not.toContain('reason="Connections"');
  await report.write(resourceOf(), serving, facts);
  expect(await metrics()).not.toContain('of="gateway"');
});
