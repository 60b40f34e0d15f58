import type { EnvValue, Role } from "../../topology/model.ts";
import type { PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import { portNumber } from "./ports.ts";
import { serverSecretName } from "./secrets.ts";

/** Part of a pod, as the API server takes it. */
export type Fields = Record<string, unknown>;

/** The environment of a role's container, and what is mounted for it. */
export interface PodEnvironment {
  env: Fields[];
  envFrom: Fields[];
  volumes: Fields[];
  mounts: Fields[];
}

/** Under it lies what the control plane and users hand to a process, a directory for each variable that is a path. */
const ROOT = "/etc/realtime";

/** Read by the pod's group alone. */
const MODE = 0o440;

const secretVolume = (secretName: string, ...keys: string[]): Fields => ({
  secret: {
    secretName,
    defaultMode: MODE,
    ...(keys.length === 0 ? {} : { items: keys.map((key) => ({ key, path: key })) }),
  },
});

const configMapVolume = (name: string, ...keys: string[]): Fields => ({
  configMap: {
    name,
    defaultMode: MODE,
    ...(keys.length === 0 ? {} : { items: keys.map((key) => ({ key, path: key })) }),
  },
});

interface Mounted {
  volume: Fields;
  /** The file in it that the variable names; absent: the directory. */
  file?: string;
}

/** The file of the live configuration, in its ConfigMap and in pods. */
export const CONFIG_KEY = "config.json";

/** The hub's settings: its address, and the key that it asks for. */
const hubVolume = (cluster: string): Fields => {
  const { hub } = childNames(cluster);
  return {
    projected: {
      defaultMode: MODE,
      sources: [
        { configMap: { name: hub, items: [{ key: "uri", path: "uri" }] } },
        { secret: { name: hub, items: [{ key: "key", path: "key" }] } },
      ],
    },
  };
};

/** A server's settings: the user's Secret, or the one of a server that we run. */
const serverVolume = ({ server, ofSecret }: Extract<EnvValue, { server: string }>, input: PlanInput): Fields => {
  if (ofSecret !== undefined) return secretVolume(ofSecret);
  if (server === "hub") return hubVolume(input.topology.cluster);
  if (server === "mongo") throw new Error("MongoDB is not managed");
  return secretVolume(serverSecretName(input, server));
};

/** What a variable that is a path is backed by. A key that a Secret lacks keeps the pod from starting, and says so. */
const mountedFor = (
  value: Exclude<EnvValue, string | { port: string } | { service: "peers" }>,
  input: PlanInput,
): Mounted => {
  const names = childNames(input.topology.cluster);
  if ("server" in value) return { volume: serverVolume(value, input) };
  if ("secret" in value) return { volume: secretVolume(value.secret, value.key), file: value.key };
  if ("secretDir" in value) return { volume: secretVolume(value.secretDir) };
  if ("generated" in value)
    switch (value.generated) {
      case "api-keys":
        return { volume: secretVolume(names.api) };
      case "hub-key":
        return { volume: secretVolume(names.hub, "key"), file: "key" };
      default:
        return { volume: secretVolume(names.keys, value.generated), file: value.generated };
    }
  if (value.file === "config") return { volume: configMapVolume(names.config, CONFIG_KEY), file: CONFIG_KEY };
  throw new Error(`${value.file} is written on a laptop only`);
};

/** A literal that stays what it is: Kubernetes reads `$(NAME)` and `$$` in it. */
const literal = (text: string): string => (/\$[$(]/.test(text) ? text.replaceAll("$", () => "$$") : text);

/** JSON without what is undefined. */
const withoutUndefined = (fields: object): Fields =>
  Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [
        key,
        typeof value === "object" && value !== null && !Array.isArray(value) ? withoutUndefined(value) : value,
      ]),
  );

/**
 * The environment of a role: ours, then the user's, without the names that are ours. Directories are mounted whole, never by subPath, so
 * that a rotated password is seen.
 */
export const podEnvironment = (role: Role, input: PlanInput): PodEnvironment => {
  const env: Fields[] = [
    { name: "INSTANCE", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } },
  ];
  const volumes: Fields[] = [];
  const mounts: Fields[] = [];
  for (const [name, value] of Object.entries(role.env)) {
    if (typeof value === "string") {
      env.push({ name, value: literal(value) });
      continue;
    }
    if ("port" in value) {
      env.push({ name, value: String(portNumber(value.port)) });
      continue;
    }
    if ("service" in value) {
      env.push({ name, value: childNames(input.topology.cluster).peers });
      continue;
    }
    const mounted = mountedFor(value, input);
    const volume = name.toLowerCase().replaceAll("_", "-");
    const mountPath = `${ROOT}/${volume}`;
    env.push({ name, value: mounted.file === undefined ? mountPath : `${mountPath}/${mounted.file}` });
    volumes.push({ name: volume, ...mounted.volume });
    mounts.push({ name: volume, mountPath, readOnly: true });
  }
  const ours = new Set(env.map(({ name }) => name));
  const users = new Map(role.userEnv.filter(({ name }) => !ours.has(name)).map((it) => [it.name, it]));
  return {
    env: [
      ...env,
      ...[...users.values()].map(({ name, value, valueFrom }) =>
        valueFrom === undefined ? { name, value: value ?? "" } : { name, valueFrom: withoutUndefined(valueFrom) },
      ),
    ],
    envFrom: role.userEnvFrom,
    volumes,
    mounts,
  };
};
