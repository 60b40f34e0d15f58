import { expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { ApiError, type Discovery, type Watcher } from "./runtime/client.ts";
import { keyOf } from "./runtime/object.ts";
import { openWorld, type World } from "./world.ts";

const ROUTES = "gateway.networking.k8s.io/v1 HTTPRoute";
const QUICK = { lookEveryMs: 10, timing: { backoff: { minMs: 1, maxMs: 5 } } };

/** An API server with a cluster `chat` in each namespace, the kinds that are watched, and what is refused: `Pod shop`. */
const fakeServer = (served: ReadonlySet<string>, refused: ReadonlySet<string> = new Set()) => {
  const watched = new Set<string>();
  const client: Watcher & Discovery = {
    hasKind: async ({ apiVersion, kind }) => served.has(`${apiVersion} ${kind}`),
    snapshot: async ({ apiVersion, kind }, { namespace = "default" } = {}) => {
      if (refused.has(`${kind} ${namespace}`)) throw new ApiError(403, "Forbidden", `${kind} is forbidden`);
      const metadata = { namespace, name: "chat", uid: namespace };
      return { objects: kind === "RealtimeCluster" ? [{ apiVersion, kind, metadata }] : [], resourceVersion: "1" };
    },
    async *watch({ apiVersion, kind }, { signal }) {
      watched.add(`${apiVersion} ${kind}`);
      yield { type: "BOOKMARK", resourceVersion: "1" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      watched.delete(`${apiVersion} ${kind}`);
    },
  };
  return { client, watched };
};

test("a kind that is served later is followed, told of, and given up with the rest", async () => {
  const served = new Set<string>();
  const { client, watched } = fakeServer(served);
  await using world = await openWorld({
    client,
    namespaces: [],
    ...QUICK,
    signal: new AbortController().signal,
    log: silentLog(),
    registry: new Registry(),
  });
  let told = 0;
  world.onChange({ resource: () => {}, child: () => {}, kinds: () => (told += 1) });
  expect(world.isServed(ROUTES)).toBe(false);
  served.add(ROUTES);
  await eventually(() => expect(told).toBe(1), { timeoutMs: 2000 });
  expect(world.isServed(ROUTES)).toBe(true);
  await world[Symbol.asyncDispose]();
  expect([...watched]).toEqual([]);
});

const keysOf = (world: World) => world.resources().map(({ metadata }) => keyOf(metadata));

test.each([
  ["that is gone", ["RealtimeCluster shop", "Pod shop", "Secret shop"]],
  ["in which the children of one kind cannot be listed", ["Pod shop"]],
])("a namespace %s is left out, with its clusters, until all in it can be read", async (_, barred) => {
  const refused = new Set(barred);
  const { client } = fakeServer(new Set(), refused);
  await using world = await openWorld({
    client,
    namespaces: ["chat", "shop"],
    ...QUICK,
    signal: new AbortController().signal,
    log: silentLog(),
    registry: new Registry(),
  });
  expect(keysOf(world)).toEqual(["chat/chat"]);
  expect(world.resource("shop/chat")).toBeUndefined();
  const told: (string | undefined)[] = [];
  const resource = (_: unknown, after?: { metadata: { namespace?: string } }) => told.push(after?.metadata.namespace);
  world.onChange({ resource, child: () => {}, kinds: () => {} });
  refused.clear();
  await eventually(() => expect(keysOf(world)).toEqual(["chat/chat", "shop/chat"]), { timeoutMs: 2000 });
  expect(world.resource("shop/chat")).toBeDefined();
  expect(told).toEqual(["shop"]);
});

test("where nothing can be read cluster-wide it waits, until it is told to stop", async () => {
  const stopping = new AbortController();
  const { client, watched } = fakeServer(new Set(), new Set(["Pod default"]));
  const opening = openWorld({
    client,
    namespaces: [],
    ...QUICK,
    signal: stopping.signal,
    log: silentLog(),
    registry: new Registry(),
  });
  await eventually(() => expect(watched.size).toBeGreaterThan(5));
  stopping.abort(new Error("stopped"));
  await expect(opening).rejects.toThrow("stopped");
  expect([...watched]).toEqual([]);
});
