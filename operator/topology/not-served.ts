import type { Cluster } from "#crds";
import type { EnvValue, Problem } from "./model.ts";

/** Drivers of the adapter that have a log. */
const LOGS = ["redis", "zeromq", "rabbitmq"];

/** Fields of the resource that nothing serves yet: said, rather than left without effect. */
export const notServed = ({ spec }: Cluster, env: Record<string, EnvValue>): Problem[] => {
  const { recovery } = spec.gateway;
  const adapter = typeof env["ADAPTER"] === "string" ? env["ADAPTER"] : "";
  if (recovery === undefined || LOGS.includes(adapter)) return [];
  const message = `missed messages are not recovered over ${adapter} yet: use adapter.type redis, rabbitmq or zeromq, or remove it`;
  return [{ path: "spec.gateway.recovery", message }];
};
