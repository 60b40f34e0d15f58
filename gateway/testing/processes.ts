import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { snapshot, type Pool, type Snapshot } from "#crds";
import { eventually, freePort, sharedServer, spawnNode, type NodeProcess } from "#testing";
import { settingsOf } from "./settings.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const HUB = fileURLToPath(new URL("../../hub/main.ts", import.meta.url));
const CONTROL_TOKEN = "the-control-token";

/** The servers that gateways are tried with. */
export type Servers = "redis and rabbitmq" | "hub";

/** A gateway that is a process of its own. */
export interface GatewayProcess {
  process: NodeProcess;
  clients: string;
  api: string;
  /** The first snapshot that `isIt`. */
  snapshot(isIt: (snapshot: Snapshot) => boolean): Promise<Snapshot>;
}

/** Gateways as processes over real servers, with files that a test writes anew. */
export interface GatewayProcesses extends AsyncDisposable {
  /** Resolves once it is ready. Port 0: any. */
  gateway(ports?: { clients?: number; api?: number }): Promise<GatewayProcess>;
  setKeys(keys: Record<string, string>): Promise<void>;
  setPools(pools: readonly Pool[]): Promise<void>;
}

const portsOf = (child: NodeProcess): Promise<Record<string, number>> =>
  eventually(
    () => {
      const [message] = child.messages as { ports: Record<string, number> }[];
      if (message === undefined) throw new Error(`the process is not ready: ${child.lines.join("\n")}`);
      return message.ports;
    },
    { timeoutMs: 30_000 },
  );

const startHub = async (stack: AsyncDisposableStack): Promise<string> => {
  const port = await freePort();
  const common = { CLUSTER: "test", INSTANCE: "hub", PROBE_PORT: "0", PROBE_HOST: "127.0.0.1", LOG_LEVEL: "warn" };
  const hub = stack.use(spawnNode(HUB, { ...common, HUB_PORT: String(port), HUB_HOST: "127.0.0.1" }));
  await portsOf(hub);
  return `tcp://127.0.0.1:${port}`;
};

/** A cluster of a name of its own. */
export const gatewayProcesses = async (
  servers: Servers,
  { pools, keys, settings = {} }: { pools: readonly Pool[]; keys: Record<string, string>; settings?: object },
): Promise<GatewayProcesses> => {
  await using opening = new AsyncDisposableStack();
  const at = await mkdtemp(join(tmpdir(), "gateways-"));
  opening.defer(() => rm(at, { recursive: true, force: true }));
  const uris: Record<string, string> =
    servers === "hub"
      ? { hub: await startHub(opening) }
      : { redis: (await sharedServer("redis")).uri, rabbitmq: (await sharedServer("rabbitmq")).uri };
  for (const [name, uri] of Object.entries(uris)) {
    await mkdir(join(at, name));
    await writeFile(join(at, name, "uri"), uri);
  }
  await writeFile(join(at, "session"), "the session key of this test");
  await writeFile(join(at, "control"), CONTROL_TOKEN);
  await mkdir(join(at, "keys"));
  const cluster = `t${randomBytes(4).toString("hex")}`;
  const setKeys = async (wanted: Record<string, string>) => {
    await rm(join(at, "keys.new"), { recursive: true, force: true });
    await mkdir(join(at, "keys.new"));
    for (const [name, key] of Object.entries(wanted)) await writeFile(join(at, "keys.new", name), key);
    await rename(join(at, "keys"), join(at, "keys.old"));
    await rename(join(at, "keys.new"), join(at, "keys"));
    await rm(join(at, "keys.old"), { recursive: true });
  };
  const setPools = async (wanted: readonly Pool[]) => {
    await writeFile(join(at, "config.new"), JSON.stringify({ pools: wanted }));
    await rename(join(at, "config.new"), join(at, "config.json"));
  };
  await setKeys(keys);
  await setPools(pools);
  const drivers =
    servers === "hub"
      ? { ADAPTER: "zeromq", BROKER: "zeromq", STORE: "hub", HUB_DIR: join(at, "hub") }
      : {
          ADAPTER: "redis",
          BROKER: "rabbitmq",
          STORE: "redis",
          REDIS_DIR: join(at, "redis"),
          RABBITMQ_DIR: join(at, "rabbitmq"),
        };
  const stack = opening.move();
  let count = 0;
  return {
    setKeys,
    setPools,
    gateway: async ({ clients = 0, api = 0 } = {}) => {
      const process = stack.use(
        spawnNode(MAIN, {
          ...drivers,
          CLUSTER: cluster,
          INSTANCE: `gateway-${count++}`,
          PROBE_PORT: "0",
          PROBE_HOST: "127.0.0.1",
          HOST: "127.0.0.1",
          CONFIG_FILE: join(at, "config.json"),
          GATEWAY: JSON.stringify(settingsOf({ ...settings })),
          PORT: String(clients),
          API_PORT: String(api),
          API_KEYS_DIR: join(at, "keys"),
          CONTROL_PORT: "0",
          CONTROL_TOKEN_FILE: join(at, "control"),
          SESSION_KEY_FILE: join(at, "session"),
        }),
      );
      const ports = await portsOf(process);
      const address = (name: string) => `http://127.0.0.1:${ports[name]}`;
      return {
        process,
        clients: address("clients"),
        api: address("api"),
        snapshot: async (isIt) => {
          const { body } = await fetch(`${address("control")}/signals`, {
            headers: { authorization: `Bearer ${CONTROL_TOKEN}` },
            signal: AbortSignal.timeout(10_000),
          });
          let text = "";
          for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
            const lines = (text + chunk).split("\n");
            text = lines.pop() ?? "";
            const found = lines.map((line) => snapshot.parse(JSON.parse(line))).find(isIt);
            if (found !== undefined) return found;
          }
          throw new Error("there was no such snapshot");
        },
      };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};
