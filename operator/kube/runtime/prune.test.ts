import { expect, test } from "@jest/globals";
import type { KubeObject, Metadata } from "./object.ts";
import { toPrune } from "./prune.ts";

const object = (metadata: Partial<Metadata>, controller = true): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: {
    name: "a",
    namespace: "n",
    uid: "1",
    ownerReferences: [{ apiVersion: "v1", kind: "Owner", name: "owner", uid: "owner", controller }],
    ...metadata,
  },
});
const kept = { apiVersion: "v1", kind: "Service", namespace: "n", name: "kept" };

test.each<[string, KubeObject, boolean]>([
  ["what the owner controls and nobody wants", object({}), true],
  ["what is wanted", object({ name: "kept" }), false],
  ["what has that name in another namespace", object({ name: "kept", namespace: "m" }), true],
  ["what is of another owner", object({ ownerReferences: [] }), false],
  ["what it owns without controlling it", object({}, false), false],
  ["what is on its way out", object({ deletionTimestamp: "2026-01-01T00:00:00Z" }), false],
  ["what may not be deleted", object({ labels: { holds: "data" } }), false],
])("%s: pruned %#", (_, it, pruned) => {
  const mayDelete = ({ metadata }: KubeObject) => metadata.labels?.["holds"] !== "data";
  expect(toPrune({ live: [it], keep: [kept], ownerUid: "owner", mayDelete })).toEqual(pruned ? [it] : []);
});
