import { z } from "zod";
import { quantity, secretRef } from "./common.ts";

const whenDeleted = z
  .enum(["Retain", "Delete"])
  .default("Retain")
  .describe("What happens to the volumes when the resource is deleted.");

const redis = z.strictObject({
  managed: z.strictObject({ storage: quantity.default("1Gi"), whenDeleted }).optional(),
  secretRef: secretRef.optional(),
});

const rabbitmq = z.strictObject({
  managed: z
    .strictObject({
      replicas: z.literal([1, 3]).default(1),
      storage: quantity.default("10Gi"),
      operator: z.enum(["Builtin", "RabbitmqClusterOperator"]).default("Builtin"),
      whenDeleted,
    })
    .optional(),
  secretRef: secretRef.optional(),
});

const mongo = z.strictObject({ secretRef: secretRef.optional() });

export const servers = z.strictObject({
  redis: redis.optional(),
  rabbitmq: rabbitmq.optional(),
  mongo: mongo.optional(),
});
export type Servers = z.infer<typeof servers>;
