import { z } from "zod";
import type { KubeObject } from "../runtime/object.ts";

const count = z.number().int().nullish().catch(0);

const deployment = z.looseObject({
  spec: z.looseObject({ replicas: count }).nullish(),
  status: z.looseObject({ readyReplicas: count }).nullish(),
});

/** What a live Deployment says of its count. */
export interface LiveDeployment {
  name: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  replicas: number;
  ready: number;
}

/** The Deployments that are not on their way out. */
export const liveDeployments = (live: readonly KubeObject[]): LiveDeployment[] =>
  live
    .filter(({ kind, metadata }) => kind === "Deployment" && metadata.deletionTimestamp === undefined)
    .map((object) => {
      const { spec, status } = deployment.parse(object);
      const { name, labels = {}, annotations = {} } = object.metadata;
      return { name, labels, annotations, replicas: spec?.replicas ?? 1, ready: status?.readyReplicas ?? 0 };
    });

const service = z.looseObject({
  spec: z.looseObject({ selector: z.record(z.string(), z.string()).nullish() }).nullish(),
});

/** What a live Service selects; undefined: there is no such Service. */
export const liveSelector = (live: readonly KubeObject[], name: string): Record<string, string> | undefined => {
  const found = live.find(({ kind, metadata }) => kind === "Service" && metadata.name === name);
  return found && (service.parse(found).spec?.selector ?? {});
};
