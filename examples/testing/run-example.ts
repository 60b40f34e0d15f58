import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { snapshot, peersFile, type Snapshot } from "#crds";
import { eventually, spawnNode } from "#testing";
import { parseDocument, type Document } from "yaml";
import { z } from "zod";

const ROOT = join(import.meta.dirname, "../..");
const FILE = "realtimecluster.yaml";

const runState = z.object({
  instances: z.array(
    z.object({ instance: z.string(), role: z.string(), state: z.string(), pid: z.number().optional() }),
  ),
});

/** Far above what a quiet machine needs: the tests also pass on a busy one. */
export const PATIENCE = { timeoutMs: 60_000, everyMs: 50 };

export interface ExampleOptions {
  /** Where it lies, instead of examples/<name>. */
  from?: string;
  /** Changes the copy's resource before the start. */
  edit?: (resource: Document) => void;
  /** Secret → key → value, as `.secrets/<name>/<key>`. */
  secrets?: Record<string, Record<string, string>>;
  /** Further files of the copy, by path. */
  files?: Record<string, string>;
}

/** A copy of an example that `realtime up` runs. Disposed, it is killed, its processes end and the copy is removed. */
export interface RunningExample extends AsyncDisposable {
  url: string;
  apiUrl: string;
  /** What `realtime up` printed. */
  lines: readonly string[];
  /** Process ids of the instances that are ready. */
  pids(): Promise<Record<string, number>>;
  /** Resolves with them once every instance is ready and `isRight` of them. */
  settled(isRight: (pids: Record<string, number>) => boolean): Promise<Record<string, number>>;
  /** SIGKILL for an instance; resolves with the process ids of all once another has taken its place. */
  killAndAwait(instance: string): Promise<Record<string, number>>;
  /** Writes the resource anew. */
  edit(change: (resource: Document) => void): Promise<void>;
  /** Path of an instance's log. */
  log(instance: string): string;
  /** The generated key of that name, by default the HTTP API's. */
  apiKey(name?: string): Promise<string>;
  /** What the control port of the first gateway that answers says of the cluster. */
  snapshot(): Promise<Snapshot>;
  /** Runs another command of `realtime`; resolves with what it printed. */
  command(...args: string[]): Promise<readonly string[]>;
  /** Ctrl-C; resolves with the exit code. */
  interrupt(): Promise<number | null>;
  /** Process ids of all that ever ran and still do. */
  alive(): number[];
  /** Whether the supervisor's file is still there. */
  hasState(): Promise<boolean>;
}

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer();
  try {
    server.listen(port, "0.0.0.0");
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
};

/** A free port whose next one is free too, below those that systems give to outgoing connections. */
export const freePorts = async (): Promise<number> => {
  for (;;) {
    const port = 20_000 + 2 * Math.floor(Math.random() * 5000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
};

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const copyOf = async (example: string, from: string): Promise<string> => {
  const home = await mkdtemp(join(tmpdir(), `realtime-${example}-`));
  await cp(from, home, {
    recursive: true,
    filter: (source) => ![".realtime", ".secrets"].includes(basename(source)) && !source.endsWith(".test.ts"),
  });
  await symlink(join(ROOT, "node_modules"), join(home, "node_modules"));
  return home;
};

/** Copies an example and runs the copy with `realtime up` on free ports. */
export const runExample = async (
  example: string,
  { from = join(ROOT, "examples", example), edit = () => {}, secrets = {}, files = {} }: ExampleOptions = {},
): Promise<RunningExample> => {
  const home = await copyOf(example, from);
  const file = join(home, FILE);
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(home, path)), { recursive: true });
    await writeFile(`${join(home, path)}.new`, text);
    await rename(`${join(home, path)}.new`, join(home, path));
  };
  for (const [path, text] of Object.entries(files)) await write(path, text);
  for (const [name, keys] of Object.entries(secrets))
    for (const [key, value] of Object.entries(keys)) await write(join(".secrets", name, key), `${value}\n`);
  const change = async (how: (resource: Document) => void): Promise<string> => {
    const resource = parseDocument(await readFile(file, "utf8"));
    how(resource);
    await write(FILE, resource.toString());
    return String(resource.getIn(["metadata", "name"]));
  };
  const name = await change(edit);
  const state = join(home, ".realtime", name);
  const port = await freePorts();
  const main = join(ROOT, "cli/main.ts");
  const env = { INIT_CWD: home, NO_COLOR: "1" };
  const supervisor = spawnNode(main, env, ["up", FILE, "--port", String(port)]);
  const everyPid = new Set<number>();

  const instances = async () => {
    const seen = runState.parse(JSON.parse(await readFile(join(state, "state.json"), "utf8"))).instances;
    for (const { pid } of seen) if (pid !== undefined) everyPid.add(pid);
    return seen;
  };
  const pids = async () =>
    Object.fromEntries(
      (await instances()).flatMap(({ instance, state, pid }) =>
        state === "ready" && pid !== undefined ? [[instance, pid]] : [],
      ),
    );
  const settled = (isRight: (pids: Record<string, number>) => boolean) =>
    eventually(async () => {
      const all = await instances().catch(() => undefined);
      const found = all === undefined ? {} : await pids();
      if (all === undefined || Object.keys(found).length < all.length || !isRight(found))
        throw new Error(`not what should run; the last lines:\n${supervisor.lines.slice(-40).join("\n")}`);
      return found;
    }, PATIENCE);

  return {
    url: `http://127.0.0.1:${port}`,
    apiUrl: `http://127.0.0.1:${port + 1}`,
    lines: supervisor.lines,
    pids,
    settled,
    killAndAwait: async (instance) => {
      const before = await pids();
      const pid = before[instance];
      if (pid === undefined) throw new Error(`${instance} does not run`);
      process.kill(pid, "SIGKILL");
      return settled(
        (now) => now[instance] !== pid && Object.keys(before).every((instance) => now[instance] !== undefined),
      );
    },
    edit: async (how) => void (await change(how)),
    log: (instance) => join(state, "logs", `${instance}.log`),
    apiKey: async (name = "default") => (await readFile(join(state, "api-keys", name), "utf8")).trim(),
    snapshot: async () => {
      const token = (await readFile(join(state, "control-token"), "utf8")).trim();
      const { gateways } = peersFile.parse(JSON.parse(await readFile(join(state, "peers.json"), "utf8")));
      const [gateway] = gateways;
      if (gateway === undefined) throw new Error("no gateway is ready");
      const abort = AbortSignal.timeout(10_000);
      const { body } = await fetch(`http://${gateway.control}/signals`, {
        headers: { authorization: `Bearer ${token}` },
        signal: abort,
      });
      let text = "";
      for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += chunk;
        const [line, ...rest] = text.split("\n").toReversed().slice(1);
        if (line === undefined) continue;
        const seen = snapshot.parse(JSON.parse(line));
        if (seen.gateways.length >= gateways.length || rest.length > 3) return seen;
      }
      throw new Error("the gateway gave no snapshot");
    },
    command: async (...args) => {
      await using it = spawnNode(main, env, args);
      await it.exited;
      return it.lines;
    },
    interrupt: () => {
      supervisor.child.kill("SIGINT");
      return supervisor.exited;
    },
    alive: () => [...everyPid].filter(isAlive),
    hasState: () =>
      readFile(join(state, "state.json")).then(
        () => true,
        () => false,
      ),
    async [Symbol.asyncDispose]() {
      await instances().catch(() => []);
      await supervisor.kill();
      await eventually(() => {
        const left = [...everyPid].filter(isAlive);
        if (left.length > 0) throw new Error(`processes ${left.join(", ")} outlived realtime up`);
      }, PATIENCE);
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
};
