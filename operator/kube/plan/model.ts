import type { Cluster } from "#crds";
import type { Obstacle } from "../../port.ts";
import type { Topology } from "../../topology/model.ts";
import type { KubeObject, Ref } from "../runtime/object.ts";

/** What the operator itself was told. */
export interface Settings {
  imagePullPolicy: "Always" | "IfNotPresent" | "Never";
  networkPolicies: boolean;
  /** restricted: pods say all that Pod Security's `restricted` asks for; none: the platform fills it in (OpenShift). */
  securityContext: "restricted" | "none";
  images: { rabbitmq: string; redis: string };
  /** cluster.local */
  clusterDomain: string;
  /** Its pods reach control ports and RabbitMQ's management port. */
  operatorNamespace: string;
  /** Whether the API server has a kind, `gateway.networking.k8s.io/v1 HTTPRoute`. */
  isServed: (apiVersionAndKind: string) => boolean;
}

/** All that a plan is made from. */
export interface PlanInput {
  cluster: Cluster;
  /** With the counts as they are wanted now. */
  topology: Topology;
  settings: Settings;
  /** The cluster's children as they are, of every kind that is watched; a Secret's values are not among them, its keys are. */
  live: readonly KubeObject[];
  /** Servers whose data may go: what the annotation `realtimecluster.dev/release` names. */
  released?: readonly string[] | undefined;
  /** How many jobs wait in a server that nothing uses any more, by its object's name; absent: not known. */
  jobsLeft?: Readonly<Record<string, number>> | undefined;
}

/** A Secret that is made once: what is there already stays, a missing key is filled in. */
export interface SecretWish {
  name: string;
  labels: Record<string, string>;
  fixed: Record<string, string>;
  /** Key → how many random bytes, written base64url. */
  generated: Record<string, number>;
}

/** A count that is written through /scale, so that the plan need not own it. */
export interface Count {
  deployment: string;
  replicas: number;
}

/** A claim that is to grow. */
export interface Growth {
  claim: string;
  storage: string;
  /** Whose template says as much once all its claims do. */
  statefulSet: string;
}

/** What is to be so. Every object is in the cluster's namespace; owner references are the applier's business. */
export interface Plan {
  /** In the order in which they are applied. */
  objects: KubeObject[];
  secrets: SecretWish[];
  counts: Count[];
  growths: Growth[];
  /** StatefulSets whose fixed fields change: deleted without their pods, then applied anew. */
  replaced: Ref[];
  /** Live objects that are not in `objects` and stay all the same: what holds data, what still drains or works off its queue. */
  kept: Ref[];
  obstacles: Obstacle[];
}

/** One concern's share of the plan; pure. */
export type Part = (input: PlanInput) => Partial<Plan>;
