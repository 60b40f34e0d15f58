import { Registry } from "prom-client";
import { joinMembership, openDelivery } from "#adapter";
import { openBroker } from "#broker";
import { silentLog } from "#process";
import { openStore } from "#store";
import { startGateway } from "../start.ts";
import { poolOf, settingsOf } from "./settings.ts";

/** A gateway as a process of its own, to be killed: NAME of the cluster, SESSION_KEY, REDIS and RABBITMQ, RECOVERY (the log's limits, JSON) where it has it; it says its port over IPC. */
const { NAME: cluster = "", SESSION_KEY = "", REDIS = "", RABBITMQ = "", RECOVERY } = process.env;
const node = `child-${process.pid}`;
const registry = new Registry();
const log = silentLog();
const common = { cluster, node, log, registry };
const redis = { ...common, settings: () => Promise.resolve({ uri: REDIS }) };
const pools = [poolOf("life", ["$connected", "$disconnected", "$occupied", "$vacated"])];

const recovery = RECOVERY === undefined ? undefined : JSON.parse(RECOVERY);
const delivery = await openDelivery("redis", { ...redis, prefix: cluster, recovery });
const store = await openStore("redis", redis);
const broker = await openBroker("rabbitmq", { ...common, settings: () => Promise.resolve({ uri: RABBITMQ }) });
await broker.declare(pools);
const membership = await joinMembership(delivery.bus, { node, instance: "child", role: "gateway" }, { log });
const gateway = await startGateway(
  {
    cluster,
    node,
    instance: "child",
    settings: settingsOf(recovery && { recovery: { windowSeconds: 60 } }),
    delivery,
    broker: () => broker,
    store,
    membership,
    config: {
      current: () => ({ pools }),
      onChange: () => ({ [Symbol.dispose]: () => undefined }),
      [Symbol.dispose]: () => undefined,
    },
    sessionKey: () => SESSION_KEY,
    log,
    registry,
  },
  { host: "127.0.0.1", port: 0 },
);
process.send?.({ port: gateway.port });
