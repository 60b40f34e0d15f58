import { access } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { withDefaults, type Cluster } from "#crds";
import { stateDirectory, type StateDirectory } from "#local";
import type { Problem } from "#operator";
import { parseFile, readText, shownPath } from "./read-file.ts";
import { UserError } from "./user-error.ts";

export interface Loaded {
  file: string;
  /** Its paths are absolute. */
  cluster: Cluster;
  directory: StateDirectory;
}

/** `cluster` with the paths that its file gives, which begin at the file's directory, made absolute. */
const fromHome = (cluster: Cluster, home: string): Cluster => {
  const { gateway, workers } = cluster.spec;
  return {
    ...cluster,
    spec: {
      ...cluster.spec,
      gateway: {
        ...gateway,
        ...(gateway.public === undefined ? {} : { public: resolve(home, gateway.public) }),
        ...(gateway.app === undefined ? {} : { app: resolve(home, gateway.app) }),
      },
      workers: workers.map((pool) => ({ ...pool, handlers: resolve(home, pool.handlers) })),
    },
  };
};

/** What the file names and must be there: [field, path, what to do]. */
const neededFiles = ({ spec }: Cluster, { secret }: StateDirectory): [string, string, string][] => {
  const { gateway, servers, workers } = spec;
  const jwt = gateway.auth?.jwt?.secretRef;
  const keys = gateway.api?.keysSecretRef;
  const secretOf = (name: "redis" | "rabbitmq" | "mongo"): [string, string | undefined, string] => {
    const ref = servers[name]?.secretRef;
    return [`spec.servers.${name}.secretRef`, ref && secret(ref.name), "write the server's address into its file uri"];
  };
  const named: [string, string | undefined, string][] = [
    secretOf("redis"),
    secretOf("rabbitmq"),
    secretOf("mongo"),
    ["spec.gateway.auth.jwt.secretRef", jwt && join(secret(jwt.name), jwt.key), "write the shared secret into it"],
    ["spec.gateway.api.keysSecretRef", keys && secret(keys.name), "write one file per API key into it"],
    ["spec.gateway.public", gateway.public, "make the directory, or leave the field out"],
    ["spec.gateway.app", gateway.app, "write the module, or name another"],
    ...workers.map(({ handlers, replicas }, index): [string, string | undefined, string] => [
      `spec.workers[${index}].handlers`,
      replicas === 0 ? undefined : handlers,
      "write the module of handlers, or name another; with replicas: 0 none is needed",
    ]),
  ];
  return named.flatMap(([field, path, remedy]): [string, string, string][] =>
    path === undefined ? [] : [[field, path, remedy]],
  );
};

const missingFiles = async (cluster: Cluster, directory: StateDirectory): Promise<Problem[]> => {
  const problems = await Promise.all(
    neededFiles(cluster, directory).map(async ([path, file, remedy]): Promise<Problem[]> => {
      const isThere = await access(file).then(
        () => true,
        () => false,
      );
      return isThere ? [] : [{ path, message: `${shownPath(file)} is not there; ${remedy}` }];
    }),
  );
  return problems.flat();
};

/** The cluster in `file`, ready to be run on this machine. Throws a UserError with a line per mistake. */
export const load = async (file: string): Promise<Loaded> => {
  const { resource, locate } = parseFile(await readText(file), shownPath(file));
  const home = dirname(file);
  const cluster = fromHome(withDefaults(resource), home);
  const directory = stateDirectory(home, cluster.name);
  const problems = await missingFiles(cluster, directory);
  if (problems.length > 0) throw new UserError(...problems.map(locate));
  return { file, cluster, directory };
};
