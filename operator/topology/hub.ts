import { configHash } from "./config-hash.ts";
import type { EnvValue, Role } from "./model.ts";

/** The embedded server: one, since its order and its memory are. */
export const hubRole = (cluster: string): Role => {
  const command = ["hub/main.ts"];
  const env: Record<string, EnvValue> = {
    CLUSTER: cluster,
    PROBE_PORT: { port: "probes" },
    HUB_PORT: { port: "hub" },
    HUB_KEY_FILE: { generated: "hub-key" },
  };
  return {
    role: "hub",
    name: "hub",
    count: 1,
    command,
    env,
    userEnv: [],
    userEnvFrom: [],
    configHash: configHash({ command, env }),
    ports: ["hub", "probes"],
    graceSeconds: 10,
    needs: [],
    roll: "replace",
  };
};
