import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/** Where everything of a cluster lies on a laptop, beside its file. */
export interface StateDirectory {
  /** Directory of the resource's file: where handlers run and paths begin. */
  home: string;
  /** `<home>/.realtime/<cluster>` */
  path: string;
  config: string;
  peers: string;
  /** Instances, and who keeps them, for `realtime status`. */
  state: string;
  generated: Record<"session-key" | "control-token" | "api-keys" | "hub-key", string>;
  server(name: string): string;
  log(instance: string): string;
  /** `<home>/.secrets/<name>`: what a Secret is on Kubernetes. */
  secret(name: string): string;
}

/** The paths of a cluster whose file lies in `home`. */
export const stateDirectory = (home: string, cluster: string): StateDirectory => {
  const path = resolve(home, ".realtime", cluster);
  return {
    home: resolve(home),
    path,
    config: join(path, "config.json"),
    peers: join(path, "peers.json"),
    state: join(path, "state.json"),
    generated: {
      "session-key": join(path, "session-key"),
      "control-token": join(path, "control-token"),
      "api-keys": join(path, "api-keys"),
      // Where the hub's clients look for it.
      "hub-key": join(path, "servers", "hub", "key"),
    },
    server: (name) => join(path, "servers", name),
    log: (instance) => join(path, "logs", `${instance}.log`),
    secret: (name) => resolve(home, ".secrets", name),
  };
};

const writeAside = async (file: string, text: string, mode: number): Promise<string> => {
  await mkdir(dirname(file), { recursive: true });
  const aside = `${file}.${randomBytes(4).toString("hex")}.tmp`;
  await writeFile(aside, text, { mode });
  return aside;
};

/** Writes a file whole: whoever reads it sees the old text or the new one. */
export const writeWhole = async (file: string, text: string, mode = 0o600): Promise<void> =>
  rename(await writeAside(file, text, mode), file);

const isThere = (error: unknown) =>
  typeof error === "object" && error !== null && "code" in error && error.code === "EEXIST";

/** As `writeWhole`; false where there is such a file already, which stays. */
export const createWhole = async (file: string, text: string, mode = 0o600): Promise<boolean> => {
  const aside = await writeAside(file, text, mode);
  try {
    await link(aside, file);
    return true;
  } catch (error) {
    if (isThere(error)) return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
};

const makeOnce = async (file: string): Promise<void> => {
  const there = await readFile(file, "utf8").catch(() => "");
  if (there.trim() === "") await writeWhole(file, `${randomBytes(32).toString("base64url")}\n`);
};

/** Makes the directory, and once the keys that the control plane owes. */
export const prepare = async (directory: StateDirectory): Promise<void> => {
  await mkdir(join(directory.path, "logs"), { recursive: true });
  await makeOnce(directory.generated["session-key"]);
  await makeOnce(directory.generated["control-token"]);
  await makeOnce(directory.generated["hub-key"]);
  for (const name of ["default", "workers"]) await makeOnce(join(directory.generated["api-keys"], name));
};
