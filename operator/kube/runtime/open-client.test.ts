import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import type { Ref } from "./object.ts";
import { openClient, type KubeClient } from "./open-client.ts";
import { startFakeApiServer, type FakeApiServer } from "./testing/fake-api-server.ts";

const A: Ref = { apiVersion: "v1", kind: "ConfigMap", namespace: "n", name: "a" };

let server: FakeApiServer;
let client: KubeClient;
let registry: Registry;
beforeEach(async () => {
  server = await startFakeApiServer({ pageSize: 2 });
  registry = new Registry();
  client = openClient({ config: server.config, timeoutMs: 200, log: silentLog(), registry, userAgent: "test" });
});
afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const counted = async (): Promise<Record<string, number>> => {
  const metric = await registry.getSingleMetric("rest_client_requests_total")?.get();
  return Object.fromEntries(
    metric?.values.map(({ labels, value }) => [`${labels["method"]} ${labels["code"]}`, value]) ?? [],
  );
};

describe("a list", () => {
  test("is whole, however many pages it takes, and says the kind of each", async () => {
    for (const name of ["a", "b", "c"]) server.put("n", name, {});
    const objects = await client.list(A);
    expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      "ConfigMap a",
      "ConfigMap b",
      "ConfigMap c",
    ]);
  });

  test("is asked for again after 429, when the server said", async () => {
    server.fail([
      { status: 429, retryAfter: 0 },
      { status: 429, retryAfter: 0 },
    ]);
    expect(await client.list(A)).toEqual([]);
    expect(await counted()).toMatchObject({ "GET 429": 2, "GET 200": 2 });
  });

  test.each<[string, Parameters<FakeApiServer["fail"]>[0], object]>([
    ["refused", [{ status: 403 }], { name: "ApiError", status: 403, reason: "Reason403", message: "said 403" }],
    [
      "refused with 429 five times",
      Array.from({ length: 5 }, () => ({ status: 429, retryAfter: 0 })),
      { name: "ApiError", status: 429 },
    ],
    [
      "too late for its pages three times",
      Array.from({ length: 3 }, () => ({ status: 410 })),
      { name: "ApiError", status: 410 },
    ],
    ["cut", ["cut"], { code: "ECONNRESET" }],
    ["not answered", ["hang"], { message: "GET /api/v1/configmaps: no answer within 200 ms" }],
  ])("that is %s is rejected", async (_, faults, error) => {
    server.fail(faults);
    await expect(client.list(A)).rejects.toMatchObject(error);
  });

  test("that is under way ends when the client is closed", async () => {
    await client.list(A);
    server.fail(["hang"]);
    const listed = expect(client.list(A)).rejects.toThrow("the client is closed");
    await new Promise((resolve) => setImmediate(resolve));
    await client[Symbol.asyncDispose]();
    await listed;
  });
});

test("requests wait for their turn: some at once, then so many a second", async () => {
  const log = silentLog();
  await using slow = openClient({
    config: server.config,
    requestsPerSecond: 100,
    burst: 2,
    log,
    registry,
    userAgent: "test",
  });
  const since = performance.now();
  // And one for the discovery.
  await Promise.all(Array.from({ length: 11 }, () => slow.list(A)));
  expect(performance.now() - since).toBeGreaterThanOrEqual(95);
});

test("a kind that is not served is looked for again, and refused meanwhile", async () => {
  const unknown = { apiVersion: "example.com/v1", kind: "Thing" };
  expect(await client.hasKind(A)).toBe(true);
  expect(await client.hasKind(unknown)).toBe(false);
  await expect(client.list(unknown)).rejects.toMatchObject({ status: 404, reason: "NotFound" });
});
