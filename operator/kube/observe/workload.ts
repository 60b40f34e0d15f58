import { z } from "zod";
import { LABEL, type Component } from "../plan/labels.ts";
import { perObject } from "../per-object.ts";
import type { KubeObject } from "../runtime/object.ts";

const schema = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string().default(""),
    labels: z.record(z.string(), z.string()).default({}),
    generation: z.number().default(0),
    creationTimestamp: z.string().default(""),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.object({
    replicas: z.number().default(1),
    template: z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()).default({}) }).default({ labels: {} }),
      spec: z.object({
        containers: z.array(
          z.object({
            name: z.string(),
            env: z.array(z.object({ name: z.string(), value: z.string().optional() })).default([]),
          }),
        ),
      }),
    }),
  }),
  status: z
    .object({
      observedGeneration: z.number().default(0),
      replicas: z.number().default(0),
      readyReplicas: z.number().default(0),
      conditions: z
        .array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.string().optional(),
            message: z.string().optional(),
          }),
        )
        .default([]),
    })
    .default({ observedGeneration: 0, replicas: 0, readyReplicas: 0, conditions: [] }),
});

const component = z.enum(["gateway", "worker", "hub", "redis", "rabbitmq"]);

/** A Deployment or StatefulSet of ours, as far as it is looked at. */
export interface Workload extends z.infer<typeof schema> {
  kind: "Deployment" | "StatefulSet";
  component: Component;
  pool?: string;
  /** `Role.name`, for a server its own name. */
  of: string;
}

const workloadOf = (object: KubeObject): Workload[] => {
  const { kind } = object;
  if (kind !== "Deployment" && kind !== "StatefulSet") return [];
  const parsed = schema.parse(object);
  const role = component.safeParse(parsed.metadata.labels[LABEL.role]);
  if (!role.success) return [];
  const pool = parsed.metadata.labels[LABEL.pool];
  const of = pool === undefined ? role.data : `${role.data}-${pool}`;
  return [{ ...parsed, kind, component: role.data, of, ...(pool === undefined ? {} : { pool }) }];
};

const known = perObject(workloadOf);

/** The Deployments and StatefulSets among a cluster's children that have a role, the oldest first. */
export const workloadsOf = (live: readonly KubeObject[]): Workload[] =>
  live.flatMap(known).toSorted((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1));
