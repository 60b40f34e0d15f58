import { z } from "zod";
import { pool } from "./live-config.ts";
import { gateway } from "./resource/gateway.ts";

/** A zod schema for an environment variable that holds JSON. */
const jsonOf = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: "custom", message: "not JSON" });
        return z.NEVER;
      }
    })
    .pipe(schema);

const port = z.coerce.number().int().min(0).max(65_535);

/** Every process. */
export const common = z.object({
  CLUSTER: z.string().describe("The resource's name; prefix of every key, queue and exchange at a shared server."),
  INSTANCE: z
    .string()
    .describe(
      "This process's name, such as chat-gateway-0 or the pod's name. A restarted process keeps it; its node id is another.",
    ),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
  PROBE_PORT: port.describe("/healthz, /readyz, /metrics. 0: any free one."),
  PROBE_HOST: z.string().default("0.0.0.0"),
});

/** Directories with a server's connection settings, one file each: uri | host, port, username, password, ca.crt; of the hub uri, key. Read again when they change. */
const serverDirs = z.object({
  HUB_DIR: z.string().optional(),
  REDIS_DIR: z.string().optional(),
  RABBITMQ_DIR: z.string().optional(),
  MONGO_DIR: z.string().optional(),
});

const dataPlane = common.extend({
  ...serverDirs.shape,
  ADAPTER: z.enum(["redis", "zeromq", "rabbitmq", "mongo"]).describe("Driver of the deliveries. zeromq is the hub."),
  BROKER: z.enum(["rabbitmq", "zeromq"]).describe("Driver of the jobs. zeromq is the hub."),
  STORE: z.enum(["hub", "redis", "mongo"]),
  CONFIG_FILE: z.string().describe("Live configuration (liveConfig), read again when it changes."),
  RECOVERY: jsonOf(z.object({ maxMessages: z.number().int().min(1), maxBytes: z.number().int().min(1) }))
    .optional()
    .describe(
      "spec.gateway.recovery's limits, JSON, in bytes; absent: what clients can observe goes over the bus, not through a log.",
    ),
});

export const gatewayEnvironment = dataPlane.extend({
  GATEWAY: jsonOf(gateway.extend({ reservedEvents: z.boolean() })).describe(
    "spec.gateway with defaults, JSON. `public` and `app` are absolute paths.",
  ),
  PORT: port.describe("Clients."),
  API_PORT: port.optional().describe("The HTTP API; absent: none."),
  CONTROL_PORT: port.describe("Signals and cluster events, for the control plane only."),
  CONTROL_TOKEN_FILE: z.string().describe("Bearer token of the control port."),
  SESSION_KEY_FILE: z
    .string()
    .describe("Key that signs the tokens of anonymous users; made once by the control plane."),
  JWT_SECRET_FILE: z.string().optional().describe("HS256 secret of gateway.auth.jwt.secretRef."),
  API_KEYS_DIR: z
    .string()
    .optional()
    .describe(
      "One file per key: name → key; `workers` and `worker.<pool>` are those of workers that are socket.io clients.",
    ),
  LINK_PORT: port
    .optional()
    .describe("Links of the other gateways, which pass on what belongs to sessions of this one; absent: none."),
  PEERS_FILE: z.string().optional().describe("Where the other gateways are (peersFile), read again when it changes."),
  PEERS_HOST: z
    .string()
    .optional()
    .describe(
      "Instead of PEERS_FILE: a name that DNS gives the addresses of all gateways for; each has its LINK_PORT.",
    ),
  HOST: z.string().default("0.0.0.0").describe("Address that every port binds to."),
});
export type GatewayEnvironment = z.infer<typeof gatewayEnvironment>;

export const workerEnvironment = dataPlane.extend({
  POOL: jsonOf(pool).describe("This worker's pool, JSON."),
  HANDLERS: z.string().describe("Absolute path of the handlers' module, or one relative to the working directory."),
  GRACE_SECONDS: z.coerce
    .number()
    .default(30)
    .describe("How long stopping waits for what is in hand before it is handed back."),
});
export type WorkerEnvironment = z.infer<typeof workerEnvironment>;

export const hubEnvironment = common.extend({
  HUB_PORT: port.describe("ZeroMQ ROUTER."),
  HUB_HOST: z.string().default("0.0.0.0"),
  HUB_KEY_FILE: z
    .string()
    .optional()
    .describe(
      "What a line must show, made once by the control plane; clients find it as `key` in HUB_DIR. Absent: none.",
    ),
  HUB_MAX_JOBS: z.coerce
    .number()
    .int()
    .min(1)
    .default(1_000_000)
    .describe("Jobs held; more are refused with queue_full."),
  HUB_MAX_BYTES: z.coerce
    .number()
    .int()
    .min(1)
    .default(1_073_741_824)
    .describe("Bytes of jobs held; more are refused with queue_full."),
});
export type HubEnvironment = z.infer<typeof hubEnvironment>;

export const entryEnvironment = common.extend({
  PEERS_FILE: z.string(),
  PORT: port,
  API_PORT: port.optional(),
  HOST: z.string().default("0.0.0.0"),
});
export type EntryEnvironment = z.infer<typeof entryEnvironment>;
