import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { realtimeCluster } from "#crds";
import { parseDocument, type Document } from "yaml";
import { z } from "zod";
import { CHAT_IMAGE, ROOT } from "./settings.ts";

type Resource = z.input<typeof realtimeCluster>;
export type Spec = NonNullable<Resource["spec"]>;
export type Pool = NonNullable<Spec["workers"]>[number];

const apiVersion = "realtimecluster.dev/v1alpha1";

/** A RealtimeCluster. */
export const resource = (name: string, spec: Spec): Resource => ({
  apiVersion,
  kind: "RealtimeCluster",
  metadata: { name },
  spec,
});

/** A pool of the chat's workers. */
export const chatPool = (more: Partial<Pool> = {}): Pool => ({
  name: "chat",
  events: ["chat:*"],
  handlers: "./handlers/chat.ts",
  image: CHAT_IMAGE,
  replicas: 1,
  timeoutSeconds: 90,
  ...more,
});

const hub = { adapter: { type: "zeromq" }, broker: { type: "zeromq" } } as const;

/** A cluster that needs no server of its own but the hub: the cheapest that carries jobs. */
export const light = (name: string, more: Spec = {}): Resource =>
  resource(name, { ...hub, gateway: { replicas: 1 }, workers: [chatPool()], ...more });

/** A cluster with managed Redis and RabbitMQ, small volumes, and one of each process. */
export const full = (name: string, more: Spec = {}): Resource =>
  resource(name, {
    servers: {
      redis: { managed: { storage: "64Mi", whenDeleted: "Delete" } },
      rabbitmq: { managed: { storage: "256Mi", whenDeleted: "Delete" } },
    },
    gateway: { replicas: 1 },
    workers: [chatPool()],
    ...more,
  });

/** A cluster that runs nothing at all: no gateways, no pool, and servers of somebody else's. */
export const idle = (name: string): Resource =>
  resource(name, {
    servers: { redis: { secretRef: { name: "redis" } }, rabbitmq: { secretRef: { name: "rabbitmq" } } },
    gateway: { replicas: 0 },
  });

/** The chat's own file, as `kubectl apply -f` takes it, with the images that are tested. */
export const chatFile = (change: (file: Document) => void = () => {}): string => {
  const file = parseDocument(readFileSync(join(ROOT, "examples/chat/realtimecluster.yaml"), "utf8"));
  file.setIn(["spec", "gateway", "image"], CHAT_IMAGE);
  for (const worker of [0, 1]) file.setIn(["spec", "workers", worker, "image"], CHAT_IMAGE);
  change(file);
  return file.toString();
};

/** What the resource says of itself. */
export const resourceStatus = z.looseObject({
  observedGeneration: z.number().optional(),
  version: z.string().optional(),
  gateways: z.string().optional(),
  conditions: z
    .array(
      z.looseObject({
        type: z.string(),
        status: z.string(),
        reason: z.string(),
        message: z.string(),
        observedGeneration: z.number().optional(),
      }),
    )
    .default([]),
  pools: z
    .array(
      z.looseObject({
        name: z.string(),
        deployment: z.string().optional(),
        replicas: z.number(),
        ready: z.number(),
        backlog: z.number().optional(),
        dead: z.number().optional(),
      }),
    )
    .default([]),
});
export type ClusterStatus = z.infer<typeof resourceStatus>;
