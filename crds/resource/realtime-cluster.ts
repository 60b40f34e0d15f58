import { z } from "zod";
import { dnsName } from "./common.ts";
import { gateway } from "./gateway.ts";
import { servers } from "./servers.ts";
import { workerPool } from "./workers.ts";

export const GROUP = "realtimecluster.dev";
export const VERSION = "v1alpha1";
export const KIND = "RealtimeCluster";
export const API_VERSION = `${GROUP}/${VERSION}` as const;

export const spec = z.strictObject({
  version: z
    .string()
    .max(64)
    .optional()
    .describe("The data plane's release. Unset: what the cluster runs already, or the operator's own for a new one."),
  suspend: z.boolean().optional().describe("True: nothing is changed until it is false again."),
  adapter: z
    .strictObject({
      type: z
        .enum(["redis", "rabbitmq", "mongo", "zeromq"])
        .default("redis")
        .describe("Server that carries them; zeromq is the hub."),
    })
    .prefault({})
    .describe("Carries deliveries between gateways."),
  broker: z
    .strictObject({
      type: z
        .enum(["rabbitmq", "zeromq"])
        .default("rabbitmq")
        .describe("Server that carries them; zeromq is the hub, in memory."),
    })
    .prefault({})
    .describe("Carries jobs to workers; runs only if there is a pool."),
  store: z
    .strictObject({
      type: z.enum(["hub", "redis", "mongo"]).optional().describe("Server that keeps them; hub: in memory."),
    })
    .prefault({})
    .describe("Job ledger, ids, presence, limits, history. Default: the adapter's server if redis or mongo, else hub."),
  servers: servers.prefault({}).describe("Once each; what is named above and missing here is managed with defaults."),
  gateway: gateway.prefault({}).describe("The processes that hold the clients' connections."),
  workers: z
    .array(workerPool)
    .max(64)
    .default([])
    .describe("Pools of workers, each with handlers for some events. Their names are unique."),
});
export type ClusterSpec = z.infer<typeof spec>;

export const metadata = z.looseObject({
  name: dnsName(30),
  namespace: z.string().max(63).optional(),
  uid: z.string().optional(),
  generation: z.number().int().optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

/** The resource as users write it: every field that may be left out is. Shape rules only; `problems.ts` has the others. */
export const realtimeCluster = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  metadata,
  spec: spec.prefault({}),
  status: z.looseObject({}).optional(),
});
export type RealtimeCluster = z.infer<typeof realtimeCluster>;
