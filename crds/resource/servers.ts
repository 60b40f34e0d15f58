import { z } from "zod";
import { quantity, secretRef } from "./common.ts";

/** Of a server that runs already. */
const EXTERNAL =
  "One that runs already: Secret with uri, or host, port, username and password, and ca.crt for TLS. On a laptop the directory .secrets/<name>.";

const whenDeleted = z
  .enum(["Retain", "Delete"])
  .default("Retain")
  .describe("What happens to the volumes when the resource is deleted.");

const redis = z.strictObject({
  managed: z
    .strictObject({
      storage: quantity.default("1Gi").describe("Size of the volume; grows, never shrinks."),
      whenDeleted,
    })
    .optional()
    .describe("Run for you: one Redis with a volume. On a laptop: the hub."),
  secretRef: secretRef.optional().describe(EXTERNAL),
});

const rabbitmq = z.strictObject({
  managed: z
    .strictObject({
      replicas: z.literal([1, 3]).default(1).describe("3: jobs outlive the loss of a node; never fewer again."),
      storage: quantity.default("10Gi").describe("Size of each volume; grows, never shrinks."),
      operator: z
        .enum(["Builtin", "RabbitmqClusterOperator"])
        .default("Builtin")
        .describe("Who runs it: this operator, or RabbitMQ's own, which must be installed."),
      whenDeleted,
    })
    .optional()
    .describe("Run for you. On a laptop: the hub."),
  secretRef: secretRef.optional().describe(EXTERNAL),
});

const mongo = z.strictObject({
  secretRef: secretRef
    .optional()
    .describe(
      "One that runs already: Secret with uri, or host, port, username, password and database, and ca.crt for TLS. On a laptop the directory .secrets/<name>.",
    ),
});

export const servers = z.strictObject({
  redis: redis.optional().describe("Redis 6.2 or later: single, behind Sentinels, or a Cluster."),
  rabbitmq: rabbitmq.optional().describe("RabbitMQ 3.10 or later."),
  mongo: mongo.optional().describe("MongoDB, never managed."),
});
export type Servers = z.infer<typeof servers>;
