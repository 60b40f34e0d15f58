import { drainPlan, type Cluster } from "#crds";
import { configHash } from "./config-hash.ts";
import type { EnvValue, Role, ScaleRules } from "./model.ts";

const SCALE_DOWN_SECONDS = 300;

const scaleRules = ({ autoscaling, drain }: Cluster["spec"]["gateway"]): ScaleRules | undefined => {
  if (autoscaling === undefined) return undefined;
  const { perSecond, capacity } = drainPlan(drain);
  return {
    by: "connections",
    min: autoscaling.minReplicas,
    max: autoscaling.maxReplicas,
    target: autoscaling.connectionsPerReplica,
    scaleDownSeconds: SCALE_DOWN_SECONDS,
    // A step is done well before the next.
    mostMoved: Math.min(capacity, Math.floor((perSecond * SCALE_DOWN_SECONDS) / 2)),
  };
};

/** The edge. `env` is what every process of the data plane gets. */
export const gatewayRole = (cluster: Cluster, dataPlane: Record<string, EnvValue>, withPeersFile: boolean): Role => {
  const {
    replicas,
    autoscaling: _,
    image: _image,
    env: userEnv = [],
    envFrom: userEnvFrom = [],
    resources: _resources,
    imagePullSecrets: _pull,
    serviceAccountName: _account,
    podTemplate: _template,
    expose,
    ...settings
  } = cluster.spec.gateway;
  const { api, auth, drain } = settings;
  const jwt = auth?.jwt?.secretRef;
  const command = ["gateway/main.ts"];
  const env: Record<string, EnvValue> = {
    ...dataPlane,
    GATEWAY: JSON.stringify({ ...settings, expose: { type: expose.type, stickiness: expose.stickiness } }),
    PORT: { port: "clients" },
    CONTROL_PORT: { port: "control" },
    CONTROL_TOKEN_FILE: { generated: "control-token" },
    SESSION_KEY_FILE: { generated: "session-key" },
    ...(jwt === undefined ? {} : { JWT_SECRET_FILE: { secret: jwt.name, key: jwt.key } }),
    ...(api === undefined
      ? {}
      : {
          API_PORT: { port: "api" },
          API_KEYS_DIR: api.keysSecretRef ? { secretDir: api.keysSecretRef.name } : { generated: "api-keys" },
        }),
    LINK_PORT: { port: "link" },
    ...(withPeersFile ? { PEERS_FILE: { file: "peers" } } : { PEERS_HOST: { service: "peers" } }),
  };
  const scale = scaleRules(cluster.spec.gateway);
  return {
    role: "gateway",
    name: "gateway",
    count: replicas ?? scale?.min ?? 2,
    ...(scale === undefined ? {} : { scale }),
    command,
    env,
    userEnv,
    userEnvFrom,
    configHash: configHash({ command, env, userEnv, userEnvFrom }),
    ports: [...(api === undefined ? [] : ["api"]), "clients", "control", "link", "probes"],
    graceSeconds: drain.graceSeconds + 5,
    needs: dataPlane["HUB_DIR"] === undefined ? [] : ["hub"],
    roll: "blueGreen",
  };
};
