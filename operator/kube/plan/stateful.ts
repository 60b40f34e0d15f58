import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { KubeObject } from "../runtime/object.ts";
import { ANNOTATION, LABEL, labelsOf, selectorOf } from "./labels.ts";
import type { ManagedServer } from "./managed.ts";
import type { PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import { containerSecurity, podSecurity } from "./security.ts";
import { spread } from "./spread.ts";

/** The user of both servers' official images. */
const USER = 999;

/** A script that runs in a server's pod; beside this file. */
export const script = (name: string): string => readFileSync(new URL(`./scripts/${name}.sh`, import.meta.url), "utf8");

/** Files of a ConfigMap; `rolling`: the pods are replaced where one changes. */
export interface Files {
  rolling: Record<string, string>;
  /** Read when a pod starts for other reasons. */
  still?: Record<string, string>;
}

export interface StatefulServer {
  server: ManagedServer;
  replicas: number;
  storage: string;
  whenDeleted: "Retain" | "Delete";
  /** Governs the pods' names in DNS. */
  serviceName: string;
  graceSeconds: number;
  files: Files;
  containers: Record<string, unknown>[];
  volumes: Record<string, unknown>[];
}

const hashOf = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);

/** What both servers' pods have in common: the ConfigMap of their files, an account without rights, and the StatefulSet. */
export const statefulServer = ({ cluster, settings }: PlanInput, it: StatefulServer): KubeObject[] => {
  const name = childNames(cluster.name)[it.server];
  const labels = labelsOf(cluster.name, it.server);
  const matchLabels = selectorOf(cluster.name, it.server);
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, labels }, automountServiceAccountToken: false },
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, labels },
      data: { ...it.files.rolling, ...it.files.still },
    },
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name, labels },
      spec: {
        replicas: it.replicas,
        serviceName: it.serviceName,
        podManagementPolicy: "Parallel",
        selector: { matchLabels },
        persistentVolumeClaimRetentionPolicy: { whenDeleted: it.whenDeleted, whenScaled: "Retain" },
        template: {
          metadata: { labels, annotations: { [ANNOTATION.configHash]: hashOf(it.files.rolling) } },
          spec: {
            serviceAccountName: name,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: it.graceSeconds,
            ...podSecurity(settings, USER),
            ...spread(matchLabels),
            containers: it.containers.map((container) => ({
              imagePullPolicy: settings.imagePullPolicy,
              ...containerSecurity(),
              ...container,
            })),
            volumes: it.volumes,
          },
        },
        volumeClaimTemplates: [
          {
            apiVersion: "v1",
            kind: "PersistentVolumeClaim",
            metadata: { name: "data", labels: matchLabels },
            spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: it.storage } } },
          },
        ],
      },
    },
  ];
};

/** Who may reach which ports. */
export interface Door {
  from: Record<string, unknown>[];
  ports: number[];
}

/** Pods of this cluster that carry clients' traffic and jobs. */
export const fromDataPlane = (cluster: string): Record<string, unknown> => ({
  podSelector: {
    matchLabels: { [LABEL.cluster]: cluster },
    matchExpressions: [{ key: LABEL.role, operator: "In", values: ["gateway", "worker"] }],
  },
});

/** Lets in only those at the doors; none where policies are off. */
export const networkPolicy = ({ cluster, settings }: PlanInput, server: ManagedServer, doors: Door[]): KubeObject[] =>
  settings.networkPolicies
    ? [
        {
          apiVersion: "networking.k8s.io/v1",
          kind: "NetworkPolicy",
          metadata: { name: childNames(cluster.name)[server], labels: labelsOf(cluster.name, server) },
          spec: {
            podSelector: { matchLabels: selectorOf(cluster.name, server) },
            policyTypes: ["Ingress"],
            ingress: doors.map(({ from, ports }) => ({
              from,
              ports: ports.map((port) => ({ port, protocol: "TCP" })),
            })),
          },
        },
      ]
    : [];
