import { hostname } from "node:os";
import { z } from "zod";

const flag = z.enum(["true", "false"]).transform((text) => text === "true");
const port = z.coerce.number().int().min(0).max(65_535);

/** What the operator's own pod says to it; the chart writes it. */
export const operatorEnvironment = z
  .object({
    CLUSTER: z.literal("").default(""),
    INSTANCE: z.string().default(hostname),
    LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
    PROBE_PORT: port.default(8081).describe("/healthz, /readyz."),
    PROBE_HOST: z.string().default("0.0.0.0"),
    METRICS_PORT: port.default(8080).describe("/metrics."),
    POD_NAME: z.string().default(hostname).describe("Its identity as leader."),
    POD_NAMESPACE: z.string().default("default").describe("Where its Lease lies."),
    WATCH_NAMESPACES: z
      .string()
      .default("")
      .transform((text) => text.split(",").filter((name) => name !== ""))
      .describe("Names, by commas; empty: all."),
    DATA_PLANE_VERSION: z.string().optional().describe("The release of new clusters; absent: the operator's own."),
    DATA_PLANE_IMAGE: z.string().default("realtimecluster/realtime").describe("Without its tag."),
    RABBITMQ_IMAGE: z.string().default("rabbitmq:4-management"),
    REDIS_IMAGE: z.string().default("redis:8"),
    IMAGE_PULL_POLICY: z.enum(["Always", "IfNotPresent", "Never"]).default("IfNotPresent"),
    NETWORK_POLICIES: flag.default(true),
    SECURITY_CONTEXT: z.enum(["restricted", "none"]).default("restricted"),
    LEADER_ELECTION: flag.default(true),
    CLUSTER_DOMAIN: z.string().default("cluster.local"),
  })
  .describe("The operator's environment.");
export type OperatorEnvironment = z.infer<typeof operatorEnvironment>;
