import { once } from "node:events";
import { Registry } from "prom-client";
import { startHub } from "#hub";
import { silentLog } from "#process";
import { eventually, freePort, spawnNode, type NodeProcess } from "#testing";
import { describeStore } from "../suite.ts";
import { openHubStore } from "./index.ts";

const openAt = (port: number, cluster: string, node = "node") =>
  openHubStore({
    cluster,
    node,
    settings: async () => ({ uri: `tcp://127.0.0.1:${port}` }),
    log: silentLog(),
    registry: new Registry(),
  });

const main = new URL("../../hub/main.ts", import.meta.url).pathname;

const spawnHub = async (port: number): Promise<NodeProcess> => {
  const hub = spawnNode(main, {
    CLUSTER: "test",
    INSTANCE: "hub-0",
    LOG_LEVEL: "warn",
    PROBE_PORT: "0",
    PROBE_HOST: "127.0.0.1",
    HUB_HOST: "127.0.0.1",
    HUB_PORT: String(port),
  });
  await Promise.race([once(hub.child, "message"), hub.exited]);
  if (hub.messages.length === 0) throw new Error(`the hub did not start: ${hub.lines.join("\n")}`);
  return hub;
};

const shared = startHub({
  host: "127.0.0.1",
  port: 0,
  log: silentLog(),
  registry: new Registry(),
  maxJobs: 1000,
  maxBytes: 1_000_000,
});

describeStore("hub", {
  open: async (cluster, node) => openAt((await shared).port, cluster, node),
  server: async () => {
    const port = await freePort();
    let hub = await spawnHub(port);
    return {
      open: (cluster, node) => openAt(port, cluster, node),
      kill: () => hub.kill(),
      start: async () => {
        hub = await eventually(() => spawnHub(port));
      },
      [Symbol.asyncDispose]: () => hub.kill(),
    };
  },
  dispose: async () => (await shared)[Symbol.asyncDispose](),
});
