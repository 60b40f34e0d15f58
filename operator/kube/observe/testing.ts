import { ANNOTATION, labelsOf, LABEL, type Component } from "../plan/labels.ts";
import type { KubeObject } from "../runtime/object.ts";

/** The moment at which the objects of the tests were made. */
export const T0 = Date.parse("2026-01-01T00:00:00Z");
export const iso = (seconds: number): string => new Date(T0 + seconds * 1000).toISOString().replace(".000Z", "Z");

/** When it was Ready or not, since which second. */
export const ready = (status: "True" | "False", seconds: number) => ({
  type: "Ready",
  status,
  lastTransitionTime: iso(seconds),
});

/** What the kubelet says of a container. */
export const containerOf = (rest: object) => ({ name: "main", ready: false, restartCount: 0, lastState: {}, ...rest });

export interface PodParts {
  role?: Component;
  pool?: string;
  metadata?: object;
  spec?: object;
  status?: object;
}

/** A pod as the API server has it, made at T0, that has just been scheduled but for what is said. */
export const podObject = (
  name: string,
  { role = "gateway", pool, metadata = {}, spec = {}, status = {} }: PodParts = {},
): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name,
    namespace: "default",
    uid: `uid-${name}`,
    creationTimestamp: iso(0),
    labels: { ...labelsOf("chat", role, pool), "app.kubernetes.io/version": "1.0.0", [LABEL.revision]: "now" },
    annotations: { [ANNOTATION.of]: pool === undefined ? role : `${role}-${pool}`, [ANNOTATION.configHash]: "now" },
    ...metadata,
  },
  spec: { nodeName: "node-1", containers: [{ name: "main", image: "realtimecluster/realtime:1.0.0" }], ...spec },
  status: { phase: "Pending", podIP: "10.0.0.1", conditions: [ready("False", 0)], ...status },
});

/** The same, with one container that waits. */
export const waitingPod = (name: string, reason: string, message?: string, rest: PodParts = {}): KubeObject =>
  podObject(name, {
    ...rest,
    status: {
      conditions: [ready("False", 0)],
      containerStatuses: [containerOf({ state: { waiting: { reason, message } } })],
    },
  });

export const readyPod = (name: string, rest: PodParts = {}): KubeObject =>
  podObject(name, {
    ...rest,
    status: {
      phase: "Running",
      podIP: "10.0.0.1",
      conditions: [ready("True", 3)],
      containerStatuses: [containerOf({ ready: true, state: { running: { startedAt: iso(2) } } })],
      ...rest.status,
    },
  });

/** A Deployment or StatefulSet of a role, made at T0. */
export const workloadObject = (
  kind: "Deployment" | "StatefulSet",
  name: string,
  {
    role,
    pool,
    replicas = 1,
    status = {},
    labels = {},
    env = [],
  }: { role: Component; pool?: string; replicas?: number; status?: object; labels?: object; env?: object[] },
): KubeObject => ({
  apiVersion: "apps/v1",
  kind,
  metadata: {
    name,
    namespace: "default",
    uid: `uid-${name}`,
    creationTimestamp: iso(0),
    labels: labelsOf("chat", role, pool),
  },
  spec: {
    replicas,
    template: {
      metadata: { labels: { ...labelsOf("chat", role, pool), ...labels } },
      spec: { containers: [{ name: "main", env }] },
    },
  },
  status,
});
