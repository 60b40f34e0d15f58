import { pool as poolSchema, type Cluster, type Pool } from "#crds";
import { configHash } from "./config-hash.ts";
import type { EnvValue, Role, ScaleRules } from "./model.ts";

type WorkerPool = Cluster["spec"]["workers"][number];

const LEAST_GRACE_SECONDS = 30;
/** To settle, hand back and close. */
const CLOSING_SECONDS = 5;

/** The part of a pool that gateways, the broker and workers know. */
export const livePool = (pool: WorkerPool): Pool => poolSchema.parse(pool);

const scaleRules = ({ autoscaling, concurrency }: WorkerPool): ScaleRules | undefined =>
  autoscaling === undefined || autoscaling.external === true
    ? undefined
    : {
        by: "backlog",
        min: autoscaling.minReplicas,
        max: autoscaling.maxReplicas,
        target: autoscaling.targetBacklog,
        scaleDownSeconds: autoscaling.scaleDownSeconds,
        jobs: { concurrency, maxWaitSeconds: autoscaling.maxWaitSeconds },
      };

/** The workers of one pool. */
export const workerRole = (pool: WorkerPool, dataPlane: Record<string, EnvValue>): Role => {
  const command = ["worker/main.ts"];
  const { env: userEnv = [], envFrom: userEnvFrom = [], replicas, autoscaling } = pool;
  // A worker that is asked to go ends the attempts that it has in hand, however often and for what it is asked.
  const graceSeconds = Math.max(LEAST_GRACE_SECONDS, Math.ceil(pool.timeoutSeconds));
  const env: Record<string, EnvValue> = {
    ...dataPlane,
    POOL: JSON.stringify(livePool(pool)),
    HANDLERS: pool.handlers,
    GRACE_SECONDS: String(graceSeconds),
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
    graceSeconds: graceSeconds + CLOSING_SECONDS,
    needs: dataPlane["HUB_DIR"] === undefined ? [] : ["hub"],
    roll: "surge",
  };
};
