import { expect, test } from "@jest/globals";
import type { ClusterStatus, Condition } from "../status/model.ts";
import { clusterOf } from "../testing.ts";
import { statusDocument } from "./status-document.ts";

const condition: Condition = {
  type: "Ready",
  status: "True",
  reason: "Because",
  message: "so",
  observedGeneration: 2,
  lastTransitionTime: "2026-02-02T00:00:00.000Z",
};
const status: ClusterStatus = {
  observedGeneration: 2,
  version: "0.1.0",
  conditions: [condition],
  gateways: { ready: 1, wanted: 2 },
  workers: { ready: 3, wanted: 3 },
  pools: [
    { name: "a", replicas: 2, ready: 2, backlog: 1234, dead: 1 },
    { name: "b", replicas: 1, ready: 1 },
  ],
};
const document = (change: Partial<ClusterStatus> = {}, rest: { own?: string } = {}) =>
  statusDocument({ ...status, ...change }, { cluster: clusterOf({}), live: [], own: "0.1.0", ...rest });

test("counts as people read them, numbers to two digits, the Deployment that an HPA names", () => {
  expect(document()).toEqual({
    observedGeneration: 2,
    version: "0.1.0",
    conditions: status.conditions,
    gateways: "1/2",
    workers: "3/3",
    backlog: 1200,
    pools: [
      {
        name: "a",
        deployment: expect.stringMatching(/^chat-worker-a-/),
        replicas: 2,
        ready: 2,
        backlog: 1200,
        dead: 1,
      },
      { name: "b", deployment: expect.stringMatching(/^chat-worker-b-/), replicas: 1, ready: 1 },
    ],
    endpoints: { clients: "chat-gateway.default.svc:3000" },
  });
});

test.each([
  ["0.1.0", "0.1.0", undefined],
  ["0.1.0", "0.2.0", { available: "0.2.0" }],
  ["0.9.0", "0.10.0", { available: "0.10.0" }],
  ["0.1.9", "0.2.0", { available: "0.2.0" }],
  ["0.2.0", "0.1.9", undefined],
  ["edge", "0.1.0", undefined],
])("%s runs and the operator is %s", (version, own, expected) => {
  expect(document({ version }, { own })["update"]).toEqual(expected);
});

test("what follows its load is told as it is, and nothing where nothing does", () => {
  const scaling = [
    { name: "gateway", desired: 3, actual: 2, reason: "Lag", message: "gateways 2 → 3: …", at: "2026-01-01T00:00:00Z" },
  ];
  expect(document({ scaling })["scaling"]).toEqual(scaling);
  expect(document()).not.toHaveProperty("scaling");
});

test("of a resource that makes no sense: conditions, and nothing that is not known", () => {
  const { observedGeneration, conditions } = status;
  const it = statusDocument(
    { observedGeneration, conditions, pools: [] },
    { cluster: undefined, live: [], own: "0.1.0" },
  );
  expect(it).toEqual({ observedGeneration, conditions, pools: [] });
});
