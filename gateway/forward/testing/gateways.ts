import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually, spawnNode, type NodeProcess } from "#testing";
import { settingsOf } from "../../testing/settings.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));
const APP = fileURLToPath(new URL("./echo-app.ts", import.meta.url));

/** Of the gateways' control ports. */
export const CONTROL_TOKEN = "the-control-token-of-this-test";

/** A gateway as a process of its own. */
export interface GatewayProcess {
  process: NodeProcess;
  ports: Record<"clients" | "link" | "control" | "probes", number>;
  /** A metric's value, summed over its labels; 0 where it was never counted. */
  metric(name: string): Promise<number>;
}

export interface Gateways extends AsyncDisposable {
  all: GatewayProcess[];
  ports(): number[];
  /** One more, which the peers' file does not name unless `listed`. */
  add(options?: {
    listed?: boolean;
    env?: Record<string, string>;
    settings?: Record<string, unknown>;
  }): Promise<GatewayProcess>;
}

/** Gateways over one Redis that run the app of these tests and know each other by a peers' file. */
export const startGateways = async (
  count: number,
  redis: string,
  env: Record<string, string> = {},
): Promise<Gateways> => {
  await using stack = new AsyncDisposableStack();
  const at = await mkdtemp(join(tmpdir(), "forward-"));
  stack.defer(() => rm(at, { recursive: true }));
  const file = async (name: string, text: string) => {
    await writeFile(join(at, name), text);
    return join(at, name);
  };
  for (const [server, uri] of [
    ["redis", redis],
    ["rabbitmq", "amqp://127.0.0.1:1"],
  ] as const) {
    await mkdir(join(at, server));
    await file(`${server}/uri`, uri);
  }
  const common = {
    CLUSTER: `f${randomBytes(4).toString("hex")}`,
    PROBE_PORT: "0",
    HOST: "127.0.0.1",
    ADAPTER: "redis",
    BROKER: "rabbitmq",
    STORE: "redis",
    REDIS_DIR: join(at, "redis"),
    RABBITMQ_DIR: join(at, "rabbitmq"),
    CONFIG_FILE: await file("config.json", '{"pools":[]}'),
    PORT: "0",
    CONTROL_PORT: "0",
    LINK_PORT: "0",
    CONTROL_TOKEN_FILE: await file("control", CONTROL_TOKEN),
    SESSION_KEY_FILE: await file("session", "the session key of this test"),
    PEERS_FILE: await file("peers.json", '{"gateways":[]}'),
    ...env,
  };
  const all: GatewayProcess[] = [];
  const links: string[] = [];
  const list = async (link: number) => {
    links.push(`127.0.0.1:${link}`);
    await rename(await file("peers.new", JSON.stringify({ gateways: [], links })), join(at, "peers.json"));
  };
  const add: Gateways["add"] = async ({ listed = true, env: own = {}, settings = {} } = {}) => {
    const process = running.use(
      spawnNode(MAIN, {
        ...common,
        INSTANCE: `gateway-${all.length}`,
        GATEWAY: JSON.stringify(settingsOf({ app: APP, ...settings })),
        ...own,
      }),
    );
    const ports = await eventually(() => {
      const [message] = process.messages as { ports: GatewayProcess["ports"] }[];
      if (message === undefined) throw new Error(process.lines.join("\n"));
      return message.ports;
    });
    const gateway: GatewayProcess = {
      process,
      ports,
      metric: async (name) => {
        const text = await (await fetch(`http://127.0.0.1:${ports.probes}/metrics`)).text();
        const lines = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
        return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
      },
    };
    all.push(gateway);
    if (listed) await list(ports.link);
    return gateway;
  };
  const running = stack.use(new AsyncDisposableStack());
  for (let i = 0; i < count; i++) await add();
  const moved = stack.move();
  return {
    all,
    add,
    ports: () => all.map(({ ports }) => ports.clients),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
};
