import { z } from "zod";
import type { KubeObject } from "../../runtime/object.ts";

const container = z.looseObject({
  name: z.string(),
  image: z.string(),
  command: z.array(z.string()).default([]),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })).default([]),
  ports: z.array(z.looseObject({ name: z.string().optional(), containerPort: z.number() })).default([]),
  volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })).default([]),
});

const template = z.looseObject({
  metadata: z.looseObject({
    labels: z.record(z.string(), z.string()),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.looseObject({
    terminationGracePeriodSeconds: z.number(),
    serviceAccountName: z.string(),
    containers: z.array(container),
    volumes: z.array(z.looseObject({ name: z.string() })).default([]),
  }),
});

const workload = z.looseObject({
  spec: z.looseObject({
    replicas: z.number().optional(),
    selector: z.looseObject({ matchLabels: z.record(z.string(), z.string()) }),
    template,
  }),
});

/** What is looked at of a Deployment or StatefulSet. */
export const workloadOf = (object: KubeObject) => workload.parse(object).spec;

/** What is looked at of a pod template. */
export const templateOf = (fields: unknown) => {
  const { metadata, spec } = template.parse(fields);
  const [main] = spec.containers;
  if (main === undefined) throw new Error("a pod without a container");
  return { metadata, spec, main };
};

export const isWorkload = ({ kind }: KubeObject): boolean => kind === "Deployment" || kind === "StatefulSet";
