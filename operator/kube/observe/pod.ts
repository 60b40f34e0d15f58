import { z } from "zod";
import type { RoleName } from "../../topology/model.ts";
import { ANNOTATION, LABEL, type Component } from "../plan/labels.ts";
import { perObject } from "../per-object.ts";
import type { KubeObject } from "../runtime/object.ts";

/** A moment; Kubernetes writes one that never was as null. */
const time = z
  .string()
  .nullish()
  .transform((text) => (typeof text === "string" ? Date.parse(text) : undefined));

const terminated = z.object({
  exitCode: z.number().default(0),
  signal: z.number().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  startedAt: time.optional(),
  finishedAt: time.optional(),
});

const containerState = z.object({
  waiting: z.object({ reason: z.string().optional(), message: z.string().optional() }).optional(),
  running: z.object({ startedAt: time.optional() }).optional(),
  terminated: terminated.optional(),
});

const containerStatus = z.object({
  name: z.string(),
  image: z.string().optional(),
  ready: z.boolean().default(false),
  restartCount: z.number().default(0),
  state: containerState.default({}),
  lastState: containerState.default({}),
});

const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
  lastTransitionTime: time.optional(),
});

const container = z.object({
  name: z.string(),
  image: z.string().default(""),
  resources: z.object({ limits: z.record(z.string(), z.union([z.string(), z.number()])).optional() }).optional(),
});

const secretSource = z.object({ secretName: z.string().optional(), name: z.string().optional() });

const volume = z.object({
  name: z.string(),
  secret: secretSource.optional(),
  projected: z.object({ sources: z.array(z.object({ secret: secretSource.optional() })).nullish() }).optional(),
  persistentVolumeClaim: z.object({ claimName: z.string() }).optional(),
});

const podSchema = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string().default(""),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
    creationTimestamp: time.optional(),
    deletionTimestamp: time.optional(),
    deletionGracePeriodSeconds: z.number().default(0),
  }),
  spec: z
    .object({
      nodeName: z.string().optional(),
      containers: z.array(container).default([]),
      initContainers: z.array(container).default([]),
      volumes: z.array(volume).default([]),
    })
    .default({ containers: [], initContainers: [], volumes: [] }),
  status: z
    .object({
      phase: z.string().optional(),
      reason: z.string().optional(),
      message: z.string().optional(),
      podIP: z.string().optional(),
      conditions: z.array(condition).default([]),
      initContainerStatuses: z.array(containerStatus).default([]),
      containerStatuses: z.array(containerStatus).default([]),
    })
    .default({ conditions: [], initContainerStatuses: [], containerStatuses: [] }),
});

export type ContainerStatus = z.infer<typeof containerStatus>;
export type Terminated = z.infer<typeof terminated>;

/** A pod of ours, as far as it is looked at. Times are ms since the epoch. */
export interface Pod {
  name: string;
  uid: string;
  component: Component;
  pool?: string;
  /** `Role.name`, for a server its own name. */
  of: string;
  configHash: string;
  version?: string;
  createdAt: number;
  /** When it was asked to go. */
  stoppingSince?: number;
  spec: z.infer<typeof podSchema>["spec"];
  status: z.infer<typeof podSchema>["status"];
}

const component = z.enum(["gateway", "worker", "hub", "redis", "rabbitmq"]);

const podOf = (object: KubeObject): Pod[] => {
  if (object.kind !== "Pod") return [];
  const { metadata, spec, status } = podSchema.parse(object);
  const role = component.safeParse(metadata.labels[LABEL.role]);
  if (!role.success) return [];
  const pool = metadata.labels[LABEL.pool];
  const version = metadata.labels["app.kubernetes.io/version"];
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  return [
    {
      name: metadata.name,
      uid: metadata.uid,
      component: role.data,
      ...(pool === undefined ? {} : { pool }),
      of: metadata.annotations[ANNOTATION.of] ?? (pool === undefined ? role.data : `${role.data}-${pool}`),
      configHash: metadata.annotations[ANNOTATION.configHash] ?? "",
      ...(version === undefined ? {} : { version }),
      createdAt: metadata.creationTimestamp ?? 0,
      ...(deletionTimestamp === undefined
        ? {}
        : { stoppingSince: deletionTimestamp - deletionGracePeriodSeconds * 1000 }),
      spec,
      status,
    },
  ];
};

const known = perObject(podOf);

/** The pods among a cluster's children, by their creation; those without a role of ours are left out. */
export const podsOf = (live: readonly KubeObject[]): Pod[] =>
  live.flatMap(known).toSorted((a, b) => a.createdAt - b.createdAt || (a.name < b.name ? -1 : 1));

/** What a pod runs as an instance; undefined: it is a server's. */
export const roleOf = ({ component }: Pod): RoleName | undefined =>
  component === "redis" || component === "rabbitmq" ? undefined : component;

/** Whether it is over: such pods linger, and do not count. */
export const isOver = ({ status: { phase } }: Pod): boolean => phase === "Succeeded" || phase === "Failed";

export const conditionOf = ({ status }: Pod, type: string) => status.conditions.find((it) => it.type === type);

/** The moment since which a pod is ready; undefined: it is not. */
export const readySince = (pod: Pod): number | undefined => {
  const ready = conditionOf(pod, "Ready");
  return ready?.status === "True" ? (ready.lastTransitionTime ?? pod.createdAt) : undefined;
};

/** Of its containers, init containers first. */
export const containersOf = ({ status }: Pod): readonly ContainerStatus[] => [
  ...status.initContainerStatuses,
  ...status.containerStatuses,
];
