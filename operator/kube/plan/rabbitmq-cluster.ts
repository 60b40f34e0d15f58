import { z } from "zod";
import type { KubeObject } from "../runtime/object.ts";
import { labelsOf } from "./labels.ts";
import { countFor, rabbitmqClusterName, rabbitmqSpec } from "./managed.ts";
import type { Obstacle } from "../../port.ts";
import type { Plan, PlanInput } from "./model.ts";
import { MEMORY_LIMIT, rabbitmqConfig } from "./rabbitmq-config.ts";
import { larger } from "./quantity.ts";

/** The kind that RabbitMQ's own operator serves. */
export const RABBITMQ_CLUSTER = { apiVersion: "rabbitmq.com/v1beta1", kind: "RabbitmqCluster" } as const;

const missing: Obstacle = {
  of: "servers",
  reason: "KindMissing",
  message:
    "spec.servers.rabbitmq.managed.operator is RabbitmqClusterOperator, but the API server has no kind RabbitmqCluster: install it (https://www.rabbitmq.com/kubernetes/operator/install-operator), or write Builtin",
  isLasting: true,
};

const live = z.looseObject({
  spec: z.looseObject({
    replicas: z.number().int().nullish(),
    persistence: z.looseObject({ storage: z.union([z.string(), z.number().transform(String)]).nullish() }).nullish(),
  }),
});

const kept = (what: string, wanted: string | number, has: string | number, way = has): Obstacle => ({
  of: "data",
  reason: what === "storage" ? "StorageKept" : "ReplicasKept",
  message: `spec.servers.rabbitmq.managed.${what} is ${wanted}, but rabbitmq has ${has} and less could lose data: it stays as it is; write ${way}`,
  isLasting: true,
});

/** What its operator must not change under us is left to it; the volumes stay as `whenDeleted` says where it knows that field. */
const resource = (
  { cluster, settings }: PlanInput,
  replicas: number,
  storage: string,
  whenDeleted: string,
): KubeObject => ({
  ...RABBITMQ_CLUSTER,
  metadata: { name: rabbitmqClusterName(cluster.name), labels: labelsOf(cluster.name, "rabbitmq") },
  spec: {
    replicas,
    image: settings.images.rabbitmq,
    persistence: { storage },
    resources: { requests: { cpu: "100m", memory: MEMORY_LIMIT }, limits: { memory: MEMORY_LIMIT } },
    rabbitmq: {
      additionalConfig: rabbitmqConfig
        .split("\n")
        .filter((line) => /^(default_queue_type|quorum_queue)/.test(line))
        .join("\n"),
    },
    override: {
      statefulSet: {
        spec: { persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled: "Retain" } },
      },
    },
  },
});

/** A `RabbitmqCluster`; an obstacle, and nothing else, where nobody serves that kind. */
export const rabbitmqByOperator = (input: PlanInput): Partial<Plan> => {
  if (!input.settings.isServed(`${RABBITMQ_CLUSTER.apiVersion} ${RABBITMQ_CLUSTER.kind}`))
    return { obstacles: [missing] };
  const wanted = rabbitmqSpec(input);
  const name = rabbitmqClusterName(input.cluster.name);
  const found = input.live.find(({ kind, metadata }) => kind === RABBITMQ_CLUSTER.kind && metadata.name === name);
  const spec = found && live.parse(found).spec;
  const storage = larger(wanted.storage, spec?.persistence?.storage ?? "0");
  const served = countFor("rabbitmq", Math.max(wanted.replicas, spec?.replicas ?? 0));
  // Its operator takes no fewer nodes, and then does nothing at all.
  const replicas = Math.max(served, spec?.replicas ?? 0);
  return {
    objects: [resource(input, replicas, storage, wanted.whenDeleted)],
    obstacles: [
      ...(storage === wanted.storage ? [] : [kept("storage", wanted.storage, storage)]),
      ...(served === wanted.replicas ? [] : [kept("replicas", wanted.replicas, replicas, served)]),
    ],
  };
};
