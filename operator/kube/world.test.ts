import { expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import { eventually } from "#testing";
import type { Discovery, Watcher } from "./runtime/client.ts";
import { openWorld } from "./world.ts";

const ROUTES = "gateway.networking.k8s.io/v1 HTTPRoute";

/** An API server without objects, and the kinds that are watched. */
const emptyServer = (served: ReadonlySet<string>) => {
  const watched = new Set<string>();
  const client: Watcher & Discovery = {
    hasKind: async ({ apiVersion, kind }) => served.has(`${apiVersion} ${kind}`),
    snapshot: async () => ({ objects: [], resourceVersion: "1" }),
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
  const { client, watched } = emptyServer(served);
  await using world = await openWorld({
    client,
    namespaces: [],
    kindsEveryMs: 10,
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
