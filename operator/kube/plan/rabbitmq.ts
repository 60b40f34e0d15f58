import type { KubeObject } from "../runtime/object.ts";
import { labelsOf, selectorOf } from "./labels.ts";
import { isWanted, rabbitmqSpec } from "./managed.ts";
import type { Part, PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import { rabbitmqByOperator } from "./rabbitmq-cluster.ts";
import {
  ENABLED_PLUGINS,
  isClusterOperators,
  nodesServiceName,
  rabbitmqConfig,
  rabbitmqPeers,
} from "./rabbitmq-config.ts";
import { AMQP_PORT, MANAGEMENT_PORT, NODE_PORTS, rabbitmqContainers, rabbitmqVolumes } from "./rabbitmq-pod.ts";
import { fromDataPlane, networkPolicy, script, statefulServer } from "./stateful.ts";
import { sized, type Size } from "./storage.ts";

/** The stop script waits up to 110 s for the queues, and a node that flushes its queues takes some more. */
const GRACE_SECONDS = 180;

const port = (name: string, number: number) => ({ name, port: number, targetPort: name, protocol: "TCP" });

const services = (cluster: string): KubeObject[] => {
  const labels = labelsOf(cluster, "rabbitmq");
  const selector = selectorOf(cluster, "rabbitmq");
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: childNames(cluster).rabbitmq, labels },
      spec: { type: "ClusterIP", selector, ports: [port("amqp", AMQP_PORT), port("management", MANAGEMENT_PORT)] },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: nodesServiceName(cluster), labels },
      spec: {
        clusterIP: "None",
        publishNotReadyAddresses: true,
        selector,
        ports: [port("epmd", NODE_PORTS.epmd), port("distribution", NODE_PORTS.distribution)],
      },
    },
  ];
};

const disruptionBudget = (cluster: string): KubeObject => ({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: { name: childNames(cluster).rabbitmq, labels: labelsOf(cluster, "rabbitmq") },
  spec: {
    maxUnavailable: 1,
    unhealthyPodEvictionPolicy: "AlwaysAllow",
    selector: { matchLabels: selectorOf(cluster, "rabbitmq") },
  },
});

const objectsOf = (input: PlanInput, size: Size): KubeObject[] => {
  const { name } = input.cluster;
  const operators = {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": input.settings.operatorNamespace } },
  };
  const nodes = { podSelector: { matchLabels: selectorOf(name, "rabbitmq") } };
  return [
    ...services(name),
    ...networkPolicy(input, "rabbitmq", [
      { from: [fromDataPlane(name)], ports: [AMQP_PORT] },
      { from: [operators], ports: [MANAGEMENT_PORT] },
      { from: [nodes], ports: [NODE_PORTS.epmd, NODE_PORTS.distribution] },
    ]),
    ...(size.replicas > 1 ? [disruptionBudget(name)] : []),
    ...statefulServer(input, {
      server: "rabbitmq",
      ...size,
      whenDeleted: rabbitmqSpec(input).whenDeleted,
      serviceName: nodesServiceName(name),
      graceSeconds: GRACE_SECONDS,
      files: {
        rolling: {
          "10-rabbitmq.conf": rabbitmqConfig,
          enabled_plugins: ENABLED_PLUGINS,
          "start.sh": script("rabbitmq-start"),
          "stop.sh": script("rabbitmq-stop"),
          "credentials.sh": script("rabbitmq-credentials"),
        },
        still: { "20-peers.conf": rabbitmqPeers(input, size) },
      },
      containers: rabbitmqContainers(input),
      volumes: rabbitmqVolumes(input),
    }),
  ];
};

/** RabbitMQ of one or three nodes, or the resource by which its own operator runs it, where the resource wants one run. */
export const rabbitmq: Part = (input) => {
  if (!isWanted(input, "rabbitmq")) return {};
  if (isClusterOperators(input)) return rabbitmqByOperator(input);
  const { replicas, storage, growths, replaced, obstacles } = sized(input, "rabbitmq", rabbitmqSpec(input));
  return { objects: objectsOf(input, { replicas, storage }), growths, replaced, obstacles };
};
