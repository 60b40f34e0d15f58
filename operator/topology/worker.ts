import { pool as poolSchema, type Cluster, type Pool } from "#crds";
import { configHash } from "./config-hash.ts";
import type { EnvValue, Role, ScaleRules } from "./model.ts";

type WorkerPool = Cluster["spec"]["workers"][number];

const GRACE_SECONDS = 30;

/** The part of a pool that gateways, the broker and workers know. */
export const livePool = (pool: WorkerPool): Pool => poolSchema.parse(pool);

const scaleRules = ({ autoscaling, concurrency, timeoutSeconds }: WorkerPool): ScaleRules | undefined =>
  autoscaling === undefined || autoscaling.external === true
    ? undefined
    : {
        by: "backlog",
        min: autoscaling.minReplicas,
        max: autoscaling.maxReplicas,
        target: autoscaling.targetBacklog,
        scaleDownSeconds: autoscaling.scaleDownSeconds,
        jobs: {
          concurrency,
          maxWaitSeconds: autoscaling.maxWaitSeconds,
          outlastGrace: timeoutSeconds > GRACE_SECONDS,
        },
      };

/** The workers of one pool. */
export const workerRole = (pool: WorkerPool, dataPlane: Record<string, EnvValue>): Role => {
  const command = ["worker/main.ts"];
  const { env: userEnv = [], envFrom: userEnvFrom = [], replicas, autoscaling } = pool;
  const env: Record<string, EnvValue> = {
    ...dataPlane,
    POOL: JSON.stringify(livePool(pool)),
    HANDLERS: pool.handlers,
    GRACE_SECONDS: String(GRACE_SECONDS),
  };
  const scale = scaleRules(pool);
  return {
    role: "worker",
    pool: pool.name,
    name: `worker-${pool.name}`,
    count: replicas ?? scale?.min ?? Math.max(1, autoscaling?.minReplicas ?? 1),
    ...(scale === undefined ? {} : { scale }),
    ...(autoscaling?.external === true ? { isCountedElsewhere: true } : {}),
    command,
    env,
    userEnv,
    userEnvFrom,
    configHash: configHash({ command, env, userEnv, userEnvFrom }),
    ports: ["probes"],
    graceSeconds: GRACE_SECONDS + 5,
    needs: dataPlane["HUB_DIR"] === undefined ? [] : ["hub"],
    roll: "surge",
  };
};
