import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { entryEnvironment, gatewayEnvironment, hubEnvironment, workerEnvironment } from "#crds";
import type { EnvValue, Role, UserVariable } from "#operator";
import { readDirectory } from "#process";
import type { StateDirectory } from "./state-directory.ts";

export interface ResolveContext {
  directory: StateDirectory;
  instance: string;
  /** The number that a port of this instance listens on; 0: any. */
  port: (name: string) => number;
  /** What the children inherit. */
  inherited: NodeJS.ProcessEnv;
  /** What every child of this role binds to. */
  host: string;
}

const OURS = new Set(
  [entryEnvironment, gatewayEnvironment, hubEnvironment, workerEnvironment].flatMap(({ shape }) => Object.keys(shape)),
);

const resolveValue = (value: EnvValue, { directory, port }: ResolveContext): string => {
  if (typeof value === "string") return value;
  if ("server" in value)
    return value.ofSecret === undefined ? directory.server(value.server) : directory.secret(value.ofSecret);
  if ("secret" in value) return join(directory.secret(value.secret), value.key);
  if ("secretDir" in value) return directory.secret(value.secretDir);
  if ("port" in value) return String(port(value.port));
  if ("service" in value) throw new Error("a laptop has no DNS of its own");
  if ("file" in value) return value.file === "config" ? directory.config : directory.peers;
  return directory.generated[value.generated];
};

/** `$(NAME)` in a value is the variable's that came before it, `$$(NAME)` the text, as in a pod. */
const expand = (text: string, known: Record<string, string>): string =>
  text.replaceAll(/\$(\$)?\(([A-Za-z_][A-Za-z0-9_.-]*)\)/g, (whole, escaped: string | undefined, name: string) =>
    escaped === undefined ? (known[name] ?? whole) : whole.slice(1),
  );

const userValue = async (
  { name, value, valueFrom }: UserVariable,
  { directory, instance }: ResolveContext,
): Promise<string | undefined> => {
  if (valueFrom === undefined) return value ?? "";
  const { secretKeyRef, fieldRef } = valueFrom;
  if (fieldRef?.["fieldPath"] === "metadata.name") return instance;
  if (secretKeyRef === undefined)
    throw new Error(`env ${name}: there is no ${Object.keys(valueFrom)[0]} on a laptop; use value or secretKeyRef`);
  const file = join(directory.secret(secretKeyRef.name), secretKeyRef.key);
  try {
    return (await readFile(file, "utf8")).trim();
  } catch {
    if (secretKeyRef.optional === true) return undefined;
    throw new Error(`env ${name}: ${file} is not there; write the value into it`);
  }
};

const fromSecrets = async (
  sources: Role["userEnvFrom"],
  directory: StateDirectory,
): Promise<Record<string, string>> => {
  const all: Record<string, string> = {};
  for (const { secretRef, prefix = "" } of sources) {
    const name =
      typeof secretRef === "object" && secretRef !== null && "name" in secretRef ? secretRef.name : undefined;
    if (typeof name !== "string" || typeof prefix !== "string")
      throw new Error("envFrom: only secretRef is there on a laptop");
    const values = await readDirectory(directory.secret(name)).catch(() => {
      throw new Error(`envFrom: ${directory.secret(name)} is not there; write one file per variable into it`);
    });
    for (const [key, value] of Object.entries(values)) all[prefix + key] = value;
  }
  return all;
};

/** The environment of one process. Rejects with a sentence that names what is missing. */
export const resolveEnvironment = async (role: Role, context: ResolveContext): Promise<Record<string, string>> => {
  const inherited = Object.entries(context.inherited).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !OURS.has(entry[0]) && !entry[0].startsWith("npm_") && entry[0] !== "NODE_CHANNEL_FD",
  );
  const users = await fromSecrets(role.userEnvFrom, context.directory);
  for (const variable of role.userEnv) {
    const value = await userValue(variable, context);
    if (value !== undefined) users[variable.name] = expand(value, users);
  }
  const ours = Object.entries(role.env).map(([name, value]) => [name, resolveValue(value, context)] as const);
  return {
    ...Object.fromEntries(inherited),
    PROBE_HOST: "127.0.0.1",
    ...users,
    ...Object.fromEntries(ours),
    INSTANCE: context.instance,
    HOST: context.host,
    HUB_HOST: "127.0.0.1",
  };
};
