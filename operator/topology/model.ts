import type { LiveConfig, WorkerPool } from "#crds";

export type RoleName = "gateway" | "worker" | "hub" | "entry";
export type ServerName = "hub" | "redis" | "rabbitmq" | "mongo";

/** A user's environment variable, as in a pod; a substrate resolves `valueFrom` by its own means. */
export interface UserVariable {
  name: string;
  value?: string | undefined;
  valueFrom?:
    | {
        secretKeyRef?: { name: string; key: string; optional?: boolean | undefined } | undefined;
        configMapKeyRef?: { name: string; key: string; optional?: boolean | undefined } | undefined;
        fieldRef?: Record<string, unknown> | undefined;
        resourceFieldRef?: Record<string, unknown> | undefined;
      }
    | undefined;
}

/**
 * A value of a process's environment: a literal, or a reference that the substrate resolves. `server`: directory of its settings (a user's Secret, or what the substrate wrote of its own);
 * `secret`: path of the file that holds one key; `secretDir`: path of all keys; `port`: the number that this port listens on (0: any);
 * `file` and `generated`: paths of what the control plane writes and of what it made once; `service`: a name under which DNS has the
 * addresses of all gateways.
 */
export type EnvValue =
  | string
  | { server: ServerName; ofSecret?: string }
  | { secret: string; key: string }
  | { secretDir: string }
  | { port: string }
  | { file: "config" | "peers" }
  | { service: "peers" }
  | { generated: "session-key" | "control-token" | "api-keys" | "hub-key" };

/** What a role's count follows: jobs per worker, or connections per gateway. */
export interface ScaleRules {
  by: "backlog" | "connections";
  min: number;
  max: number;
  /** Jobs (or connections) per replica. */
  target: number;
  scaleDownSeconds: number;
  /** Of gateways: how many clients one step may send to others, so that those who go keep the cluster's pace and their grace. */
  mostMoved?: number;
  /** Of a pool. */
  jobs?:
    | {
        /** Jobs that one worker runs at once. */
        concurrency: number;
        /** How long a job may wait before full hands. */
        maxWaitSeconds: number;
      }
    | undefined;
}

/** The parts of a role that only a pod has. */
export interface PodParts extends Pick<
  WorkerPool,
  "resources" | "imagePullSecrets" | "serviceAccountName" | "podTemplate"
> {
  image: string;
}

export interface Role {
  role: RoleName;
  /** The pool of a worker. */
  pool?: string;
  /** Unique in the topology: the role, for a worker with its pool. */
  name: string;
  count: number;
  /** Present: `count` is only where it starts, and moves between min and max. */
  scale?: ScaleRules;
  /** Somebody else (an HPA, KEDA) moves the count; `count` is only where it starts. */
  isCountedElsewhere?: true;
  /** The program, relative to where the data plane is installed. */
  command: string[];
  env: Record<string, EnvValue>;
  /** What the user adds to the environment; `env` wins. */
  userEnv: UserVariable[];
  userEnvFrom: Record<string, unknown>[];
  /** Where roles are pods. */
  pod?: PodParts;
  /** Over all that a running process cannot take in: command, environment and pod; not the count, not the live configuration. */
  configHash: string;
  /** Names of the ports, as the process reports them when it is ready. */
  ports: string[];
  /** How long stopping may take before it is killed. */
  graceSeconds: number;
  /** Roles that must have been ready once before this one starts. */
  needs: RoleName[];
  /**
   * blueGreen: all new ones are ready before an old one goes; surge: a new one is, before an old one goes; replace: the old one has gone
   * before the new one starts.
   */
  roll: "blueGreen" | "surge" | "replace";
}

/** A server that the cluster uses; without `secret` it is managed. */
export interface Server {
  name: ServerName;
  secret?: string;
  /** False where only a pool would use it, and there is none: a managed one need not run. */
  isUsed: boolean;
}

/** What the pods of a cluster run. */
export interface Release {
  version: string;
  /** With its tag. */
  image: string;
}

/** What is wrong with a resource that its schema cannot see. */
export interface Problem {
  path: string;
  message: string;
}

/** All processes of a cluster, in the order in which they start. */
export interface Topology {
  cluster: string;
  generation: number;
  roles: Role[];
  servers: Server[];
  /** Where roles are pods. */
  release?: Release;
  liveConfig: LiveConfig;
  /** Not empty: nothing of this may be applied. */
  problems: Problem[];
}
