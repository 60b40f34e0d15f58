import { Registry } from "prom-client";
import { z } from "zod";
import { openBroker } from "../index.ts";
import { pool as poolSchema } from "#crds";
import { readEnvironment, silentLog } from "#process";
import { behave } from "./behave.ts";

const env = readEnvironment(
  z.object({ DRIVER: z.enum(["rabbitmq", "zeromq"]), URI: z.string(), CLUSTER: z.string(), POOL: z.string() }),
);
const pool = poolSchema.parse(JSON.parse(env.POOL));
const broker = await openBroker(env.DRIVER, {
  cluster: env.CLUSTER,
  node: `worker-${process.pid}`,
  settings: () => Promise.resolve({ uri: env.URI }),
  log: silentLog(),
  registry: new Registry(),
});
await broker.declare([pool]);
await broker.consume(pool, async (delivery) => {
  const { id, key } = delivery.job;
  const tell = (what: string) =>
    process.send?.({ what, id, key, attempt: delivery.attempt, at: performance.timeOrigin + performance.now() });
  tell("start");
  const outcome = await behave(pool, delivery);
  tell(outcome.kind);
  return outcome;
});
process.send?.({ what: "ready" });
process.on("disconnect", () => process.exit(0));
