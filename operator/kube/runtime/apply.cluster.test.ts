import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { createApplier, type Applier } from "./apply.ts";
import { startInformer } from "./informer.ts";
import { keyOf, refOf, refText, type KubeObject, type OwnerReference, type Ref } from "./object.ts";
import { prune } from "./prune.ts";
import { openNamespace, type TestNamespace } from "./testing/cluster.ts";
import { objectsOf } from "./testing/objects.ts";

const fieldManager = "runtime-test";

let namespace: TestNamespace;
let owner: OwnerReference;
beforeAll(async () => {
  namespace = await openNamespace();
  owner = await namespace.owner("owner");
});
afterAll(async () => {
  await namespace[Symbol.asyncDispose]();
});

/** An applier whose cache is what the API server says at the moment of `look`. */
const applierWith = () => {
  const cache = new Map<string, KubeObject>();
  const applier: Applier = createApplier({
    client: namespace.client,
    fieldManager,
    annotationPrefix: "example.com",
    live: (ref) => cache.get(refText(ref)),
    log: silentLog(),
    registry: namespace.registry,
  });
  const look = async (ref: Ref): Promise<KubeObject | undefined> => {
    const object = await namespace.client.get(ref);
    if (object === undefined) cache.delete(refText(ref));
    else cache.set(refText(ref), object);
    return object;
  };
  return { applier, look };
};

const configMap = (name: string, data: Record<string, string>): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: namespace.name },
  data,
});

const one = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error("there is none");
  return value;
};

const requests = async (): Promise<number> => {
  const metric = await namespace.registry.getSingleMetric("rest_client_requests_total")?.get();
  return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;
};

const effectless = async (): Promise<number> => {
  const metric = await namespace.registry.getSingleMetric("apply_without_effect_total")?.get();
  return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;
};

test.each(objectsOf("").map((object, i): [string, number] => [refText(refOf(object)), i]))(
  "%s is written once and not again",
  async (_, i) => {
    const desired = one(objectsOf(namespace.name)[i]);
    const first = applierWith();
    expect(await first.applier.apply(desired, owner)).toMatchObject({ outcome: "created" });
    const generation = (await first.look(refOf(desired)))?.metadata.generation;
    // A second process knows nothing of what the first one wrote.
    const second = applierWith();
    await second.look(refOf(desired));
    const before = await requests();
    for (const { applier } of [first, second, second]) {
      expect(await applier.apply(desired, owner)).toMatchObject({ outcome: "unchanged" });
    }
    expect(await requests()).toBe(before);
    expect((await first.look(refOf(desired)))?.metadata.generation).toBe(generation);
    expect(await effectless()).toBe(0);
  },
);

test("a field changed by hand is put back, and another's annotation and field are left", async () => {
  const desired = configMap("by-hand", { a: "1" });
  const { applier, look } = applierWith();
  await applier.apply(desired, owner);
  const theirs = { metadata: { annotations: { "example.org/note": "mine" } }, data: { a: "2", b: "theirs" } };
  await namespace.client.merge(refOf(desired), theirs, { fieldManager: "somebody" });
  await look(refOf(desired));
  expect(await applier.apply(desired, owner)).toMatchObject({ outcome: "applied" });
  expect(await look(refOf(desired))).toMatchObject({
    metadata: { annotations: { "example.org/note": "mine" } },
    data: { a: "1", b: "theirs" },
  });
  expect(await applier.apply(desired, owner)).toMatchObject({ outcome: "unchanged" });
});

test("a field that is wanted no more goes, from what was created and from what was applied", async () => {
  const { applier, look } = applierWith();
  for (const data of [{ a: "1", b: "2", c: "3" }, { a: "1", b: "2" }, { a: "1" }]) {
    const desired = configMap("shrinking", data);
    await applier.apply(desired, owner);
    expect((await look(refOf(desired)))?.["data"]).toEqual(data);
  }
});

test("an object of somebody else's is left as it is, with or without an owner", async () => {
  const { applier, look } = applierWith();
  const other = await namespace.owner("other");
  for (const [name, owners] of [
    ["foreign-owned", [{ ...other, controller: true }]],
    ["foreign-free", []],
  ] as const) {
    const theirs = configMap(name, { theirs: "yes" });
    theirs.metadata.ownerReferences = [...owners];
    const { metadata } = await namespace.client.create(theirs, { fieldManager: "somebody" });
    // Once unseen by the cache, once seen.
    expect(await applier.apply(configMap(name, { ours: "yes" }), owner)).toMatchObject({ outcome: "foreign" });
    await look(refOf(theirs));
    expect(await applier.apply(configMap(name, { ours: "yes" }), owner)).toMatchObject({ outcome: "foreign" });
    expect((await look(refOf(theirs)))?.metadata.resourceVersion).toBe(metadata.resourceVersion);
  }
});

test("a cache that is behind our own write does not make it happen twice", async () => {
  const desired = configMap("behind", { a: "1" });
  const { applier, look } = applierWith();
  const { object } = await applier.apply(desired, owner);
  expect(await applier.apply(desired, owner)).toMatchObject({ outcome: "unchanged" });
  await look(refOf(desired));
  await applier.apply(configMap("behind", { a: "2" }), owner);
  const again = await applier.apply(configMap("behind", { a: "2" }), owner);
  expect(again.outcome).toBe("unchanged");
  expect(again.object.metadata.uid).toBe(object.metadata.uid);
});

test("an object that is on its way out is waited for, then made again", async () => {
  const desired = configMap("leaving", { a: "1" });
  const { applier, look } = applierWith();
  const { object } = await applier.apply(desired, owner);
  await namespace.client.merge(refOf(desired), { metadata: { finalizers: ["example.com/wait"] } }, { fieldManager });
  await namespace.client.delete(refOf(desired));
  await look(refOf(desired));
  expect(await applier.apply(configMap("leaving", { a: "2" }), owner)).toMatchObject({
    outcome: "unchanged",
    deleting: true,
  });
  await namespace.client.merge(refOf(desired), { metadata: { finalizers: [] } }, { fieldManager });
  await look(refOf(desired));
  const made = await applier.apply(desired, owner);
  expect(made.outcome).toBe("created");
  expect(made.object.metadata.uid).not.toBe(object.metadata.uid);
});

test("a field that may not change is refused with what the API server says", async () => {
  const desired = one(objectsOf(namespace.name).find(({ kind }) => kind === "Deployment"));
  const { applier, look } = applierWith();
  const named = { ...desired, metadata: { ...desired.metadata, name: "fixed" } };
  await applier.apply(named, owner);
  await look(refOf(named));
  const labels = { app: "other" };
  const changed = {
    ...named,
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: {} } },
  };
  await expect(applier.apply(changed, owner)).rejects.toMatchObject({ status: 422, reason: "Invalid" });
});

test("what somebody changes back each time is left alone for longer and longer", async () => {
  const desired = configMap("disputed", { a: "ours" });
  const { applier, look } = applierWith();
  await applier.apply(desired, owner);
  const outcomes = [];
  for (let i = 0; i < 8; i++) {
    await namespace.client.merge(refOf(desired), { data: { a: "theirs" } }, { fieldManager: "somebody" });
    await look(refOf(desired));
    const { outcome, retryAfterMs } = await applier.apply(desired, owner);
    outcomes.push(retryAfterMs === undefined ? outcome : "later");
  }
  expect(outcomes.slice(0, 5)).toEqual(Array(5).fill("applied"));
  expect(outcomes.slice(5)).toContain("later");
});

test("a field that the API server never keeps is counted, and not written at each pass", async () => {
  const { apiVersion, metadata } = configMap("write-only", {});
  const desired = { apiVersion, kind: "Secret", metadata, stringData: { a: "1" } };
  const { applier, look } = applierWith();
  const before = await effectless();
  await applier.apply(desired, owner);
  const version = (await look(refOf(desired)))?.metadata.resourceVersion;
  for (let i = 0; i < 3; i++) expect((await applier.apply(desired, owner)).outcome).toBe("unchanged");
  expect((await look(refOf(desired)))?.metadata.resourceVersion).toBe(version);
  expect(await effectless()).toBe(before + 1);
});

test("what is wanted no more is deleted: not what is kept, holds data, or is another's", async () => {
  const { applier } = applierWith();
  const mine = await namespace.owner("pruner");
  const kept = configMap("kept", {});
  const unwanted = configMap("unwanted", {});
  const data = configMap("data", {});
  for (const object of [kept, unwanted, data]) await applier.apply(object, mine);
  const live = await namespace.client.list({ apiVersion: "v1", kind: "ConfigMap" }, { namespace: namespace.name });
  const deleted = await prune({
    client: namespace.client,
    live,
    keep: [refOf(kept)],
    ownerUid: mine.uid,
    mayDelete: ({ metadata }) => metadata.name !== "data",
  });
  expect(deleted.map(({ metadata }) => metadata.name)).toEqual(["unwanted"]);
  const left = await namespace.client.list({ apiVersion: "v1", kind: "ConfigMap" }, { namespace: namespace.name });
  expect(left).toHaveLength(live.length - 1);
});

test("an object deleted by hand comes back, with an informer for a cache", async () => {
  const desired = configMap("comes-back", { a: "1" });
  const seen: string[] = [];
  await using informer = startInformer({
    client: namespace.client,
    kind: { apiVersion: "v1", kind: "ConfigMap" },
    namespaces: [namespace.name],
    onChange: (before, after) => {
      if ((before ?? after)?.metadata.name !== "comes-back") return;
      seen.push(before === undefined ? "added" : after === undefined ? "deleted" : "changed");
    },
    log: silentLog(),
    registry: namespace.registry,
  });
  await informer.synced;
  const applier = createApplier({
    client: namespace.client,
    fieldManager,
    annotationPrefix: "example.com",
    live: (ref) => informer.get(keyOf(ref)),
    log: silentLog(),
    registry: namespace.registry,
  });
  expect((await applier.apply(desired, owner)).outcome).toBe("created");
  await namespace.client.delete(refOf(desired));
  await eventually(async () => expect((await applier.apply(desired, owner)).outcome).toBe("created"));
  await eventually(() => expect(seen).toEqual(["added", "deleted", "added"]));
});
