import type { Cluster } from "#crds";
import type { EnvValue, Problem } from "./model.ts";

/** Drivers of the adapter that have a log. */
const LOGS = ["redis", "zeromq"];

/** Fields of the resource that nothing serves yet: said, rather than left without effect. */
export const notServed = ({ spec }: Cluster, env: Record<string, EnvValue>): Problem[] => {
  const { recovery, trustedProxies } = spec.gateway;
  const adapter = typeof env["ADAPTER"] === "string" ? env["ADAPTER"] : "";
  const hasLog = LOGS.includes(adapter);
  const ordered =
    env["BROKER"] === "rabbitmq" ? [...spec.workers.keys()].filter((i) => spec.workers[i]?.orderBy !== "none") : [];
  return [
    ...(recovery === undefined || hasLog
      ? []
      : [
          {
            path: "spec.gateway.recovery",
            message: `missed messages are not recovered over ${adapter} yet: use adapter.type redis or zeromq, or remove it`,
          },
        ]),
    ...(trustedProxies.length === 0
      ? []
      : [{ path: "spec.gateway.trustedProxies", message: "nothing asks for a client's address yet: remove it" }]),
    ...ordered.map((index) => ({
      path: `spec.workers[${index}].orderBy`,
      message: "RabbitMQ does not order jobs by key yet: use broker.type zeromq, or orderBy none",
    })),
  ];
};
