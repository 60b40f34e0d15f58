import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { startInformer, type InformerOptions } from "./informer.ts";
import { refOf, type KubeObject } from "./object.ts";
import { openClient } from "./open-client.ts";
import { openNamespace, type TestNamespace } from "./testing/cluster.ts";
import { startProxy } from "./testing/proxy.ts";

const CONFIG_MAP = { apiVersion: "v1", kind: "ConfigMap" };

let namespace: TestNamespace;
beforeAll(async () => {
  namespace = await openNamespace();
});
afterAll(async () => {
  await namespace[Symbol.asyncDispose]();
});

const configMap = (name: string, data: Record<string, string> = {}): KubeObject => ({
  ...CONFIG_MAP,
  metadata: { name, namespace: namespace.name, labels: { test: "informer" } },
  data,
});
const create = (object: KubeObject) => namespace.client.create(object, { fieldManager: "test" });

const start = async (options: Partial<InformerOptions> = {}) => {
  const stack = new AsyncDisposableStack();
  const proxy = stack.use(await startProxy());
  const registry = new Registry();
  const log = silentLog();
  const client = stack.use(openClient({ config: proxy.config, log, registry, userAgent: "runtime-test" }));
  const seen: string[] = [];
  const informer = stack.use(
    startInformer({
      client,
      kind: CONFIG_MAP,
      namespaces: [namespace.name],
      labelSelector: "test=informer",
      onChange: (before, after) => {
        const what = before === undefined ? "+" : after === undefined ? "-" : "~";
        seen.push(`${what}${(before ?? after)?.metadata.name}`);
      },
      backoff: { minMs: 20, maxMs: 200 },
      log,
      registry,
      ...options,
    }),
  );
  await informer.synced;
  const count = async (name: string): Promise<number> => {
    const metric = await registry.getSingleMetric(name)?.get();
    return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;
  };
  return { proxy, client, informer, seen, count, [Symbol.asyncDispose]: () => stack.disposeAsync() };
};

test("a watch that is cut again and again tells every change once, and lists no more", async () => {
  await using it = await start();
  const names = Array.from({ length: 40 }, (_, i) => `cut-${i}`);
  for (const name of names) {
    await create(configMap(name));
    if (Number(name.slice(4)) % 4 === 0) it.proxy.cut();
  }
  await eventually(() => expect(it.seen).toEqual(names.map((name) => `+${name}`)));
  expect(await it.count("informer_watch_interruptions_total")).toBeGreaterThan(0);
  expect(await it.count("informer_missed_changes_total")).toBe(0);
});

test("what is deleted and made again while the API server cannot be reached is an end and a beginning", async () => {
  await using it = await start();
  const object = await create(configMap("again"));
  await eventually(() => expect(it.seen).toContain("+again"));
  it.proxy.refuse(true);
  await namespace.client.delete(refOf(object));
  await create(configMap("again", { a: "2" }));
  expect(it.informer.get(`${namespace.name}/again`)?.metadata.uid).toBe(object.metadata.uid);
  it.proxy.refuse(false);
  await eventually(() => expect(it.seen.slice(-2)).toEqual(["-again", "+again"]));
});

test("a connection that is open and dead is left for another", async () => {
  await using it = await start({ silentAfterMs: 1_000 });
  it.proxy.freeze();
  await create(configMap("frozen"));
  await eventually(() => expect(it.seen).toContain("+frozen"));
});

test("many requests share a connection", async () => {
  await using it = await start();
  for (let i = 0; i < 10; i++) await it.client.list(CONFIG_MAP, { namespace: namespace.name });
  expect(it.proxy.connections()).toBe(2);
});
