import { MEMORY_LIMIT, nodeDomain } from "./rabbitmq-config.ts";
import type { PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import { cookieSecretName, serverSecretName } from "./secrets.ts";

export const AMQP_PORT = 5672;
export const MANAGEMENT_PORT = 15672;
/** epmd, the nodes' own, and those of command-line tools, which the stop script runs at other nodes. */
export const NODE_PORTS = { epmd: 4369, distribution: 25672 } as const;

const HOME = "/run/rabbitmq";

const env = (input: PlanInput) => [
  { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
  { name: "HOME", value: HOME },
  { name: "LANG", value: "C.UTF-8" },
  { name: "RABBITMQ_USE_LONGNAME", value: "true" },
  { name: "RABBITMQ_NODENAME", value: `rabbit@$(POD_NAME).${nodeDomain(input)}` },
  { name: "RABBITMQ_MNESIA_BASE", value: "/var/lib/rabbitmq/mnesia" },
  { name: "RABBITMQ_LOGS", value: "-" },
  { name: "RABBITMQ_CONFIG_FILES", value: `${HOME}/conf.d` },
  { name: "RABBITMQ_GENERATED_CONFIG_DIR", value: `${HOME}/config` },
  { name: "RABBITMQ_ENABLED_PLUGINS_FILE", value: "/etc/realtime/config/enabled_plugins" },
  // Schedulers that find nothing to do sleep at once: idle nodes cost no CPU.
  { name: "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", value: "+sbwt none +sbwtdcpu none +sbwtdio none" },
];

const files = [
  { name: "config", mountPath: "/etc/realtime/config", readOnly: true },
  { name: "secret", mountPath: "/etc/realtime/secret", readOnly: true },
  { name: "cookie", mountPath: "/etc/realtime/cookie", readOnly: true },
  { name: "run", mountPath: HOME },
  { name: "tmp", mountPath: "/tmp" },
];

/**
 * A node, and beside it the keeper of its credentials. Ready while it takes clients; alive while other nodes could reach it, since a
 * node that waits for its peers or was paused in a minority takes no clients and must not be killed for it.
 */
export const rabbitmqContainers = (input: PlanInput): Record<string, unknown>[] => [
  {
    name: "rabbitmq",
    image: input.settings.images.rabbitmq,
    command: ["sh", "/etc/realtime/config/start.sh"],
    env: env(input),
    ports: [
      { name: "amqp", containerPort: AMQP_PORT, protocol: "TCP" },
      { name: "management", containerPort: MANAGEMENT_PORT, protocol: "TCP" },
      { name: "epmd", containerPort: NODE_PORTS.epmd, protocol: "TCP" },
      { name: "distribution", containerPort: NODE_PORTS.distribution, protocol: "TCP" },
    ],
    resources: { requests: { cpu: "100m", memory: "512Mi" }, limits: { memory: MEMORY_LIMIT } },
    startupProbe: { tcpSocket: { port: "distribution" }, periodSeconds: 1, failureThreshold: 300, timeoutSeconds: 2 },
    readinessProbe: { tcpSocket: { port: "amqp" }, periodSeconds: 2, failureThreshold: 3, timeoutSeconds: 2 },
    livenessProbe: { tcpSocket: { port: "distribution" }, periodSeconds: 10, failureThreshold: 6, timeoutSeconds: 5 },
    lifecycle: { preStop: { exec: { command: ["sh", "/etc/realtime/config/stop.sh"] } } },
    volumeMounts: [{ name: "data", mountPath: "/var/lib/rabbitmq" }, ...files],
  },
  {
    name: "credentials",
    image: input.settings.images.rabbitmq,
    command: ["sh", "/etc/realtime/config/credentials.sh"],
    env: env(input),
    resources: { requests: { cpu: "20m", memory: "32Mi" }, limits: { memory: "384Mi" } },
    volumeMounts: files,
  },
];

const only = (...keys: string[]) => keys.map((key) => ({ key, path: key }));

export const rabbitmqVolumes = (input: PlanInput): Record<string, unknown>[] => [
  { name: "config", configMap: { name: childNames(input.cluster.name).rabbitmq } },
  { name: "secret", secret: { secretName: serverSecretName(input, "rabbitmq"), items: only("username", "password") } },
  { name: "cookie", secret: { secretName: cookieSecretName(input.cluster.name), items: only("cookie") } },
  { name: "run", emptyDir: { medium: "Memory", sizeLimit: "16Mi" } },
  { name: "tmp", emptyDir: { sizeLimit: "256Mi" } },
];
