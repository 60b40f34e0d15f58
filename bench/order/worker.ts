import { Registry } from "prom-client";
import { z } from "zod";
import { openBroker } from "#broker";
import type { Pool } from "#crds";
import { readEnvironment, silentLog } from "#process";
import { serveRemote } from "../remote.ts";

const env = readEnvironment(z.object({ RABBITMQ: z.string(), CLUSTER: z.string(), NODE_NAME: z.string() }));
const pool: Pool = {
  name: "bench",
  events: ["*"],
  mode: "job",
  orderBy: "user",
  concurrency: 20,
  timeoutSeconds: 30,
  retry: { attempts: 5, backoffSeconds: 1, maxBackoffSeconds: 60 },
};
const broker = await openBroker("rabbitmq", {
  cluster: env.CLUSTER,
  node: env.NODE_NAME,
  settings: () => Promise.resolve({ uri: env.RABBITMQ }),
  log: silentLog(),
  registry: new Registry(),
});
let done = 0;

/** A worker of an ordered pool without anything around it. */
serveRemote({
  async work() {
    await broker.declare([pool]);
    await broker.consume(pool, () => {
      done++;
      return Promise.resolve({ kind: "done" });
    });
  },
  async add(count: number) {
    for (let left = count; left > 0; left -= 100)
      await Promise.all(
        Array.from({ length: Math.min(100, left) }, (_, index) =>
          broker.publish(pool, {
            v: 1,
            id: `${left}-${index}`,
            event: "bench",
            key: `${left}-${index}`,
            mode: "job",
            at: Date.now(),
          }),
        ),
      );
  },
  done: () => done,
});
