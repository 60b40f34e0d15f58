import type { Cluster } from "#crds";
import type { EnvValue, Problem } from "./model.ts";

/** Fields of the resource that nothing serves yet: said, rather than left without effect. */
export const notServed = ({ spec }: Cluster, env: Record<string, EnvValue>): Problem[] => {
  if (spec.gateway.recovery === undefined || env["ADAPTER"] !== "mongo") return [];
  const message =
    "missed messages are not recovered over mongo yet: use adapter.type redis, rabbitmq or zeromq, or remove it";
  return [{ path: "spec.gateway.recovery", message }];
};
