import type { Cluster } from "#crds";
import { configHash } from "./config-hash.ts";
import type { EnvValue, Role } from "./model.ts";

/** What spreads connections over the gateways where no Service or load balancer does. */
export const entryRole = ({ name, spec }: Cluster): Role => {
  const command = ["local/entry/main.ts"];
  const env: Record<string, EnvValue> = {
    CLUSTER: name,
    PROBE_PORT: { port: "probes" },
    PEERS_FILE: { file: "peers" },
    PORT: { port: "clients" },
    ...(spec.gateway.api === undefined ? {} : { API_PORT: { port: "api" } }),
  };
  return {
    role: "entry",
    name: "entry",
    count: 1,
    command,
    env,
    userEnv: [],
    userEnvFrom: [],
    configHash: configHash({ command, env }),
    ports: spec.gateway.api === undefined ? ["clients", "probes"] : ["clients", "api", "probes"],
    graceSeconds: spec.gateway.drain.graceSeconds + 10,
    needs: [],
    roll: "replace",
  };
};
