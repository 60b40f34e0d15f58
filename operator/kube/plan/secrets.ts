import type { ServerName } from "../../topology/model.ts";
import { LABEL, labelsOf } from "./labels.ts";
import { isBuiltin, isManaged, MANAGED_SERVERS, rabbitmqClusterName, type ManagedServer } from "./managed.ts";
import type { Part, PlanInput, SecretWish } from "./model.ts";
import { childNames } from "./names.ts";

const KEY_BYTES = 32;
const PASSWORD_BYTES = 24;

const FIXED: Record<ManagedServer, { port: string; username: string }> = {
  // Redis' own user, so that clients which send only a password get in too.
  redis: { port: "6379", username: "default" },
  rabbitmq: { port: "5672", username: "realtime" },
};

/** The Secret whose keys are the settings directory of a managed server; processes read it as they read a user's. */
export const serverSecretName = (input: PlanInput, name: Exclude<ServerName, "hub" | "mongo">): string =>
  isBuiltin(input, name)
    ? childNames(input.cluster.name)[name]
    : `${rabbitmqClusterName(input.cluster.name)}-default-user`;

/** Name of the Secret of RabbitMQ's cookie, by which its nodes know each other. */
export const cookieSecretName = (cluster: string): string => `${childNames(cluster).rabbitmq}-cookie`;

/** Whether a server of ours runs, wanted or not. */
const isLive = ({ live, cluster }: PlanInput, name: ManagedServer): boolean =>
  live.some(({ kind, metadata }) => kind === "StatefulSet" && metadata.name === childNames(cluster.name)[name]);

const hasHub = ({ topology, live }: PlanInput): boolean =>
  topology.roles.some(({ role }) => role === "hub") ||
  live.some(({ kind, metadata }) => kind === "Deployment" && metadata.name === childNames(topology.cluster).hub);

const serverWishes = (input: PlanInput, name: ManagedServer): SecretWish[] => {
  if (!isLive(input, name) && !(isManaged(input, name) && isBuiltin(input, name))) return [];
  const cluster = input.cluster.name;
  const host = childNames(cluster)[name];
  const labels = labelsOf(cluster, name);
  return [
    { name: host, labels, fixed: { host, ...FIXED[name] }, generated: { password: PASSWORD_BYTES } },
    ...(name === "rabbitmq"
      ? [{ name: cookieSecretName(cluster), labels, fixed: {}, generated: { cookie: PASSWORD_BYTES } }]
      : []),
  ];
};

/** What is made once and never changed by us: keys, and the passwords of the servers that run here. */
export const secrets: Part = (input) => {
  const { name: cluster, spec } = input.cluster;
  const { keys, api, hub } = childNames(cluster);
  const { [LABEL.role]: _, ...labels } = labelsOf(cluster, "gateway");
  return {
    secrets: [
      {
        name: keys,
        labels,
        fixed: {},
        generated: { "session-key": KEY_BYTES, "control-token": KEY_BYTES },
      },
      ...(spec.gateway.api !== undefined && spec.gateway.api.keysSecretRef === undefined
        ? [{ name: api, labels, fixed: {}, generated: { default: KEY_BYTES, workers: KEY_BYTES } }]
        : []),
      ...(hasHub(input)
        ? [{ name: hub, labels: labelsOf(cluster, "hub"), fixed: {}, generated: { key: KEY_BYTES } }]
        : []),
      ...MANAGED_SERVERS.flatMap((name) => serverWishes(input, name)),
    ],
  };
};
