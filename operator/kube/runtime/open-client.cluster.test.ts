import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import { refOf, type KubeObject } from "./object.ts";
import { openNamespace, type TestNamespace } from "./testing/cluster.ts";
import { objectsOf } from "./testing/objects.ts";

const fieldManager = "runtime-test";

let namespace: TestNamespace;
beforeAll(async () => {
  namespace = await openNamespace();
});
afterAll(async () => {
  await namespace[Symbol.asyncDispose]();
});

const configMap = (name: string): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: namespace.name },
});

test("get is undefined for what is not there, and deleting it is done already", async () => {
  const { client } = namespace;
  expect(await client.get(refOf(configMap("nowhere")))).toBeUndefined();
  await client.delete(refOf(configMap("nowhere")));
});

test("a delete is for the object that was meant, not for one of the same name", async () => {
  const { client } = namespace;
  const { metadata } = await client.create(configMap("meant"), { fieldManager });
  const preconditions = { uid: "00000000-0000-0000-0000-000000000000" };
  await expect(client.delete(refOf(configMap("meant")), { preconditions })).rejects.toMatchObject({
    reason: "Conflict",
  });
  await client.delete(refOf(configMap("meant")), { preconditions: { uid: metadata.uid ?? "" } });
  expect(await client.get(refOf(configMap("meant")))).toBeUndefined();
});

test("a dry run is judged and not done", async () => {
  const { client } = namespace;
  await client.create(configMap("dry"), { fieldManager, dryRun: true });
  expect(await client.get(refOf(configMap("dry")))).toBeUndefined();
  const refused = { ...configMap("dry"), metadata: { name: "No Name", namespace: namespace.name } };
  await expect(client.create(refused, { fieldManager, dryRun: true })).rejects.toMatchObject({
    status: 422,
    reason: "Invalid",
    message: expect.stringContaining("metadata.name"),
  });
});

test("a count is written through /scale by a manager of its own, applied or merged", async () => {
  const { client } = namespace;
  const deployment = objectsOf(namespace.name)[0];
  if (deployment === undefined) throw new Error("there is none");
  await client.create(deployment, { fieldManager });
  const { apiVersion, kind, metadata } = deployment;
  const scaled = {
    apiVersion,
    kind,
    metadata: { name: metadata.name, namespace: namespace.name },
    spec: { replicas: 2 },
  };
  const scale = await client.apply(scaled, {
    fieldManager: `${fieldManager}-scale`,
    force: true,
    subresource: "scale",
  });
  expect(scale).toMatchObject({ kind: "Scale", spec: { replicas: 2 } });
  expect(await client.get(refOf(deployment))).toMatchObject({ spec: { replicas: 2 } });
  await client.merge(refOf(deployment), { spec: { replicas: 0 } }, { fieldManager, subresource: "scale" });
  expect(await client.get(refOf(deployment))).toMatchObject({ spec: { replicas: 0 } });
});

test("a kind is there as soon as its definition is, and gone with it", async () => {
  const { client } = namespace;
  const group = `${namespace.name}.example.com`;
  const thing = { apiVersion: `${group}/v1`, kind: "Thing" };
  expect(await client.hasKind(thing)).toBe(false);
  const definition: KubeObject = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `things.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "things", singular: "thing", kind: "Thing", listKind: "ThingList" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
    },
  };
  await client.create(definition, { fieldManager });
  try {
    await eventually(async () => expect(await client.hasKind(thing)).toBe(true));
    expect(await eventually(() => client.list(thing))).toEqual([]);
  } finally {
    await client.delete(refOf(definition));
  }
  await eventually(async () => expect(await client.hasKind(thing)).toBe(false), { timeoutMs: 40_000, everyMs: 500 });
});
