import { describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { z } from "zod";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { keyOf, type KubeObject } from "./object.ts";
import { startInformer, type InformerOptions } from "./informer.ts";
import { openClient } from "./open-client.ts";
import { startFakeApiServer, type FakeApiServer, type Fault } from "./testing/fake-api-server.ts";

const CONFIG_MAP = { apiVersion: "v1", kind: "ConfigMap" };

const valueOf = (object: KubeObject | undefined): string =>
  z.object({ v: z.string() }).optional().parse(object?.["data"])?.v ?? "nothing";

/** What a handler was told, put together; `broken` says where a change did not follow from the one before. */
const replay = () => {
  const state = new Map<string, KubeObject>();
  const told: string[] = [];
  const broken: string[] = [];
  return {
    state,
    told,
    broken,
    onChange: (before: KubeObject | undefined, after: KubeObject | undefined) => {
      const { metadata } = before ?? after ?? {};
      if (metadata === undefined) return void broken.push("nothing told");
      const key = keyOf(metadata);
      told.push(`${key} ${valueOf(before)} → ${valueOf(after)}`);
      if (state.get(key) !== before) broken.push(`${key}: before is not what was told last`);
      if (before && after && before.metadata.uid !== after.metadata.uid) broken.push(`${key}: two uids in one change`);
      if (before && before.metadata.resourceVersion === after?.metadata.resourceVersion)
        broken.push(`${key}: no change`);
      if (after === undefined) state.delete(key);
      else state.set(key, after);
    },
  };
};

const start = async (options: Partial<InformerOptions> & { pageSize?: number } = {}) => {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await startFakeApiServer(options.pageSize ? { pageSize: options.pageSize } : {}));
  const registry = new Registry();
  const log = silentLog();
  const client = stack.use(
    openClient({ config: server.config, requestsPerSecond: 1e6, timeoutMs: 300, log, registry, userAgent: "test" }),
  );
  const changes = replay();
  const inform = () =>
    stack.use(
      startInformer({
        client,
        kind: CONFIG_MAP,
        onChange: changes.onChange,
        log,
        registry,
        relistEveryMs: 3_600_000,
        silentAfterMs: 5_000,
        settleMs: 20,
        backoff: { minMs: 2, maxMs: 20 },
        ...options,
      }),
    );
  const missed = async (): Promise<number> => {
    const metric = await registry.getSingleMetric("informer_missed_changes_total")?.get();
    return metric?.values[0]?.value ?? 0;
  };
  return { server, inform, changes, missed, [Symbol.asyncDispose]: () => stack.disposeAsync() };
};

const versions = (objects: Iterable<KubeObject>): string[] =>
  [...objects].map(({ metadata }) => `${keyOf(metadata)} ${metadata.uid} ${metadata.resourceVersion}`).sort();

const watching = (server: FakeApiServer) => eventually(() => expect(server.watchers()).toBe(1));
const lists = ({ requests }: FakeApiServer) => requests.filter((it) => it.includes("limit=")).length;

describe("an informer", () => {
  test("has what was there before it says that it is synced, page by page, and then each change once", async () => {
    await using it = await start({ pageSize: 2 });
    for (const name of ["a", "b", "c", "d", "e"]) it.server.put("n", name, { v: "1" });
    const informer = it.inform();
    expect(informer.hasSynced()).toBe(false);
    await informer.synced;
    expect(versions(informer.list())).toEqual(versions(it.server.objects()));
    expect(lists(it.server)).toBe(3);
    await watching(it.server);
    it.server.put("n", "a", { v: "2" });
    it.server.remove("n", "b");
    await eventually(() => expect(it.changes.told.slice(5)).toEqual(["n/a 1 → 2", "n/b 1 → nothing"]));
    expect(it.changes.broken).toEqual([]);
  });

  test("begins its list again where a page is asked for too late", async () => {
    await using it = await start({ pageSize: 2 });
    for (const name of ["a", "b", "c"]) it.server.put("n", name, { v: "1" });
    it.server.fail([{ status: 429, retryAfter: 0 }, { status: 410 }], "list");
    await it.inform().synced;
    expect(it.changes.told).toHaveLength(3);
  });

  test("keeps what it has while the API server is away, and then has what came about meanwhile", async () => {
    await using it = await start();
    it.server.put("n", "a", { v: "1" });
    const informer = it.inform();
    await informer.synced;
    await watching(it.server);
    it.server.away(true);
    it.server.remove("n", "a");
    it.server.put("n", "a", { v: "2" });
    it.server.compact();
    const asked = it.server.requests.length;
    expect(informer.get("n/a")).toMatchObject({ data: { v: "1" } });
    it.server.away(false);
    await eventually(() => expect(informer.get("n/a")).toMatchObject({ data: { v: "2" } }));
    // Deleted and made again between two lists: an end and a beginning, for it is another object.
    expect(it.changes.told.slice(1)).toEqual(["n/a 1 → nothing", "n/a nothing → 2"]);
    expect(it.server.requests.length).toBeGreaterThan(asked);
  });

  test.each<[string, (server: FakeApiServer) => void, { lists: number }]>([
    ["is ended by the server", (server) => server.cut("in order"), { lists: 1 }],
    ["is cut within a line", (server) => server.cut("within a line"), { lists: 1 }],
    ["ends with an error of the server", (server) => server.cut(500), { lists: 1 }],
    [
      "is refused three times",
      (server) => (
        server.fail(
          [500, 403, 504].map((status) => ({ status })),
          "watch",
        ),
        server.cut("in order")
      ),
      { lists: 2 },
    ],
    ["ends because its place is too old", (server) => server.cut(410), { lists: 2 }],
    [
      "is asked to come back later",
      (server) => (server.fail([{ status: 429, retryAfter: 0 }], "watch"), server.cut("in order")),
      { lists: 1 },
    ],
  ])("goes on when its watch %s", async (_, act, expected) => {
    await using it = await start();
    it.server.put("n", "a", { v: "1" });
    const informer = it.inform();
    await informer.synced;
    await watching(it.server);
    it.server.put("n", "a", { v: "2" });
    await eventually(() => expect(informer.get("n/a")).toMatchObject({ data: { v: "2" } }));
    act(it.server);
    it.server.put("n", "a", { v: "3" });
    await eventually(() => expect(informer.get("n/a")).toMatchObject({ data: { v: "3" } }));
    expect(it.changes.told).toEqual(["n/a nothing → 1", "n/a 1 → 2", "n/a 2 → 3"]);
    expect(lists(it.server)).toBe(expected.lists);
  });

  test("notices a stream that is open and dead", async () => {
    await using it = await start({ silentAfterMs: 100 });
    const informer = it.inform();
    await informer.synced;
    await watching(it.server);
    it.server.freeze();
    it.server.put("n", "a", { v: "1" });
    await eventually(() => expect(informer.get("n/a")).toBeDefined());
    expect(lists(it.server)).toBe(1);
  });

  test("is kept going by bookmarks where nothing changes, and watches on from the last of them", async () => {
    await using it = await start();
    await it.inform().synced;
    await watching(it.server);
    it.server.swallow();
    it.server.put("other", "a", { v: "1" });
    it.server.bookmark();
    it.server.compact();
    it.server.cut("in order");
    await eventually(() => expect(it.server.requests.filter((it) => it.includes("watch=")).length).toBeGreaterThan(1));
    expect(it.server.requests.at(-1)).toContain("resourceVersion=2");
  });

  test("finds what its watch missed with the list that it makes from time to time, and counts it", async () => {
    await using it = await start({ relistEveryMs: 50 });
    it.server.put("n", "a", { v: "1" });
    it.server.put("n", "b", { v: "1" });
    const informer = it.inform();
    await informer.synced;
    await watching(it.server);
    it.server.swallow();
    it.server.put("n", "a", { v: "2" });
    it.server.swallow();
    it.server.remove("n", "b");
    await eventually(() => expect(it.changes.told.slice(2)).toEqual(["n/b 1 → nothing", "n/a 1 → 2"]));
    expect(await it.missed()).toBe(2);
    it.server.put("n", "c", { v: "1" });
    await eventually(() => expect(informer.get("n/c")).toBeDefined());
    expect(await it.missed()).toBe(2);
  });

  test("outlives a handler that throws", async () => {
    const seen: string[] = [];
    await using it = await start({
      onChange: (_, after) => {
        seen.push(after?.metadata.name ?? "");
        throw new Error("from a handler");
      },
    });
    it.server.put("n", "a", { v: "1" });
    const informer = it.inform();
    await informer.synced;
    await watching(it.server);
    it.server.put("n", "b", { v: "1" });
    await eventually(() => expect(seen).toEqual(["a", "b"]));
    expect(informer.list()).toHaveLength(2);
  });

  test("follows some namespaces, each with a watch, is synced when all are, and finds by index", async () => {
    await using it = await start({ namespaces: ["m", "n"], indexes: { v: ({ data }) => [JSON.stringify(data)] } });
    for (const namespace of ["m", "n", "o"]) it.server.put(namespace, "a", { v: namespace });
    const informer = it.inform();
    await informer.synced;
    expect(informer.list().map(({ metadata }) => metadata.namespace)).toEqual(["m", "n"]);
    expect(informer.list("m")).toHaveLength(1);
    await eventually(() => expect(it.server.watchers()).toBe(2));
    it.server.put("n", "a", { v: "m" });
    await eventually(() => expect(informer.by("v", '{"v":"m"}')).toHaveLength(2));
    expect(informer.by("v", '{"v":"n"}')).toEqual([]);
  });

  test("does not wait for a namespace whose list is refused, goes on asking, and has it when it may", async () => {
    await using it = await start({ namespaces: ["m"] });
    it.server.put("m", "a", { v: "1" });
    it.server.fail(
      [403, 404, 403, 404, 403].map((status) => ({ status })),
      "list",
    );
    const informer = it.inform();
    await informer.synced;
    expect(informer.hasSynced("m")).toBe(false);
    await eventually(() => expect(informer.hasSynced("m")).toBe(true));
    expect(informer.list("m")).toHaveLength(1);
  });

  test("is not synced by other failures, nor by refusals cluster-wide", async () => {
    for (const [status, namespaces] of [[500, ["m"]] as const, [403, []] as const]) {
      await using it = await start({ namespaces });
      it.server.fail(
        Array.from({ length: 6 }, () => ({ status })),
        "list",
      );
      const informer = it.inform();
      await informer.synced;
      expect(lists(it.server)).toBe(7);
      expect(informer.hasSynced()).toBe(true);
    }
  });

  test("keeps no managedFields, and of the rest what it is told to", async () => {
    await using it = await start({ strip: ({ apiVersion, kind, metadata }) => ({ apiVersion, kind, metadata }) });
    it.server.put("n", "a", { v: "1" });
    const informer = it.inform();
    await informer.synced;
    expect(Object.keys(informer.get("n/a") ?? {})).toEqual(["apiVersion", "kind", "metadata"]);
    expect(informer.get("n/a")?.metadata["managedFields"]).toBeUndefined();
  });
});

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
const randomFrom = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

describe("whatever happens in whatever order, in the end the cache is what the server has", () => {
  test.each(Array.from({ length: 15 }, (_, seed) => [seed]))("seed %i", async (seed) => {
    const random = randomFrom(seed);
    const pick = <T>(first: T, ...others: T[]): T =>
      [first, ...others][Math.floor(random() * (others.length + 1))] ?? first;
    await using it = await start({ pageSize: 3, relistEveryMs: 60, silentAfterMs: 120, random });
    const { server } = it;
    const change = () => {
      const name = `o${Math.floor(random() * 8)}`;
      if (random() < 0.3) server.remove("n", name);
      else server.put("n", name, { v: String(Math.floor(random() * 1e6)) });
    };
    for (let i = 0; i < 6; i++) change();
    const informer = it.inform();
    for (let i = 0; i < 60; i++) {
      pick(
        change,
        change,
        change,
        change,
        () => server.bookmark(),
        () => server.cut(pick<"in order" | "within a line" | number>("in order", "within a line", 410, 500)),
        () => server.fail([pick<Fault>({ status: 500 }, { status: 429, retryAfter: 0 }, { status: 410 }, "cut")]),
        () => server.compact(),
        () => (server.swallow(), change()),
        () => server.away(random() < 0.3),
        () => random() < 0.2 && server.freeze(),
        () => random() < 0.2 && server.fail(["hang"]),
      )();
      for (let turns = random() * 30 - 15; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
    }
    server.away(false);
    await eventually(() => expect(versions(informer.list())).toEqual(versions(server.objects())));
    expect(versions(it.changes.state.values())).toEqual(versions(server.objects()));
    expect(it.changes.broken).toEqual([]);
  });
});
