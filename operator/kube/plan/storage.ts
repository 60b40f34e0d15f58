import { z } from "zod";
import type { KubeObject } from "../runtime/object.ts";
import { selectorOf } from "./labels.ts";
import { countFor, type ManagedServer } from "./managed.ts";
import type { Plan, PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import { bytesOf, larger } from "./quantity.ts";

const claimSpec = z.looseObject({
  resources: z.looseObject({ requests: z.looseObject({ storage: z.string().optional() }).nullish() }).nullish(),
});
const claim = z.looseObject({ spec: claimSpec });
const statefulSet = z.looseObject({
  spec: z.looseObject({
    replicas: z.number().int().nullish(),
    volumeClaimTemplates: z.array(z.looseObject({ spec: claimSpec })).nullish(),
  }),
});

const requested = ({ resources }: z.infer<typeof claimSpec>): string => resources?.requests?.storage ?? "0";

/** What a server is asked to be. */
export interface Size {
  replicas: number;
  storage: string;
}

/** What it can be without losing data, and what has to be done for that. */
export interface Sized extends Size, Pick<Plan, "growths" | "replaced" | "obstacles"> {}

const claimsOf = ({ live, cluster }: PlanInput, server: ManagedServer) => {
  const labels = Object.entries(selectorOf(cluster.name, server));
  const isTheirs = ({ kind, metadata }: KubeObject) =>
    kind === "PersistentVolumeClaim" &&
    metadata.deletionTimestamp === undefined &&
    metadata.name.startsWith(`data-${childNames(cluster.name)[server]}-`) &&
    labels.every(([key, value]) => metadata.labels?.[key] === value);
  return live.filter(isTheirs).map((it) => ({ name: it.metadata.name, storage: requested(claim.parse(it).spec) }));
};

/**
 * The size that a server gets. It grows: claims are made larger, and the StatefulSet, whose claim templates cannot change, is made anew
 * without its pods. It never shrinks: what is smaller than what is there stays as it is, with an obstacle that names the field.
 */
export const sized = (input: PlanInput, server: ManagedServer, wanted: Size): Sized => {
  const name = childNames(input.cluster.name)[server];
  const found = input.live.find(({ kind, metadata }) => kind === "StatefulSet" && metadata.name === name);
  const spec = found && statefulSet.parse(found).spec;
  const template = spec?.volumeClaimTemplates?.[0];
  const claims = claimsOf(input, server);
  const before = [
    ...(template === undefined ? [] : [requested(template.spec)]),
    ...claims.map(({ storage }) => storage),
  ];
  const storage = before.reduce(larger, wanted.storage);
  // Nodes of which only the volumes are left know each other, and wait for each other.
  const nodes = claims.map(({ name: claim }) => Number(claim.split("-").at(-1)) + 1);
  const replicas = countFor(server, Math.max(wanted.replicas, spec?.replicas ?? 0, ...nodes));
  const field = `spec.servers.${server}.managed`;
  const obstacles: Plan["obstacles"] = [];
  if (storage !== wanted.storage)
    obstacles.push({
      of: "data",
      reason: "StorageKept",
      message: `${field}.storage is ${wanted.storage}, but ${server} has ${storage} and volumes cannot shrink: it stays as it is; write ${storage} again`,
      isLasting: true,
    });
  if (replicas !== wanted.replicas)
    obstacles.push({
      of: "data",
      reason: "ReplicasKept",
      message: `${field}.replicas is ${wanted.replicas}, but ${replicas} nodes of ${server} hold data and fewer could lose it: they stay; write ${replicas}`,
      isLasting: true,
    });
  return {
    storage,
    replicas,
    growths: claims
      .filter((it) => bytesOf(it.storage) < bytesOf(storage))
      .map((it) => ({ claim: it.name, storage, statefulSet: name })),
    replaced:
      template !== undefined && bytesOf(requested(template.spec)) < bytesOf(storage)
        ? [{ apiVersion: "apps/v1", kind: "StatefulSet", name }]
        : [],
    obstacles,
  };
};
