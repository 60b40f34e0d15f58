import type { Cluster } from "#crds";
import type { EnvValue, Problem } from "./model.ts";

/** Fields of the resource that nothing serves yet: said, rather than left without effect. */
export const notServed = ({ spec }: Cluster, env: Record<string, EnvValue>): Problem[] => {
  const { recovery } = spec.gateway;
  const ordered =
    env["BROKER"] === "rabbitmq" ? [...spec.workers.keys()].filter((i) => spec.workers[i]?.orderBy !== "none") : [];
  return [
    ...(recovery === undefined
      ? []
      : [{ path: "spec.gateway.recovery", message: "missed messages are not recovered yet: remove it" }]),
    ...ordered.map((index) => ({
      path: `spec.workers[${index}].orderBy`,
      message: "RabbitMQ does not order jobs by key yet: use broker.type zeromq, or orderBy none",
    })),
  ];
};
