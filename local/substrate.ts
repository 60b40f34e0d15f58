import { join } from "node:path";
import type { ClusterEvent, PeersFile } from "#crds";
import type { Role, Substrate, Topology } from "#operator";
import { startChild } from "./child.ts";
import { keepInstance, type Keeper, type KeeperTiming, type LocalInstance } from "./keep-instance.ts";
import type { LogLine } from "./log-tail.ts";
import { planRole } from "./plan-role.ts";
import { resolveEnvironment } from "./resolve.ts";
import { prepare, writeWhole, type StateDirectory } from "./state-directory.ts";

export interface LocalOptions {
  directory: StateDirectory;
  /** Where the programs of the roles lie. */
  root?: string;
  /** The entry's own ports, and what it binds to. */
  entry: { host: string; clients: number; api: number };
  /** Warnings, errors and plain lines of the processes. */
  onLine?: (instance: string, line: LogLine) => void;
  inherited?: NodeJS.ProcessEnv;
  timing?: KeeperTiming;
  /** ms between a gateway's leaving the entry's list and its being asked to go. */
  delistMs?: number;
  now?: () => number;
}

export interface LocalSubstrate extends Substrate, AsyncDisposable {
  instances(): readonly LocalInstance[];
  /** host:port of the control ports of the gateways that are ready. */
  controls(): readonly string[];
  /** Kills everything now. */
  killAll(): void;
}

interface Slot {
  keeper: Keeper;
  role: Role;
  /** Set once it is being stopped; resolves when it is gone. */
  going?: Promise<void>;
}

const LOCALHOST = "127.0.0.1";
/** A hub that fails so often may have lost its port to somebody: it then takes any. */
const FORGET_PORT_AFTER = 3;

const firstFree = (taken: ReadonlySet<string>, prefix: string): string => {
  let ordinal = 0;
  while (taken.has(`${prefix}-${ordinal}`)) ordinal++;
  return `${prefix}-${ordinal}`;
};

/** Keeps a cluster's processes on this machine. Disposing stops them in order: entry, gateways, workers, hub. */
export const openLocalSubstrate = async ({
  directory,
  root = join(import.meta.dirname, ".."),
  entry,
  onLine = () => {},
  inherited = process.env,
  timing,
  delistMs = 300,
  now = Date.now,
}: LocalOptions): Promise<LocalSubstrate> => {
  await prepare(directory);
  const slots = new Map<string, Slot>();
  const listeners = new Set<Parameters<Substrate["onChange"]>[0]>();
  const wasReady = new Set<string>();
  let wanted: Topology | undefined;
  let shunned: ReadonlySet<string> = new Set();
  let isStopping = false;
  let hubPort = 0;
  let writes = Promise.resolve();
  const written = new Map<string, string>();

  /** Writes in order; a file that holds the text already is left alone. */
  const write = (file: string, text: string): Promise<void> => {
    if (written.get(file) === text) return writes;
    written.set(file, text);
    const write = writes.then(() => writeWhole(file, text));
    writes = write.catch(() => void written.delete(file));
    return write;
  };

  const instances = () => [...slots.values()].map(({ keeper }) => keeper.view());
  const gateways = () => instances().filter(({ role, state }) => role === "gateway" && state === "ready");

  const peers = (): PeersFile => ({
    links: instances().flatMap(({ role, ports }) =>
      role === "gateway" && ports["link"] !== undefined ? [`${LOCALHOST}:${ports["link"]}`] : [],
    ),
    gateways: gateways()
      .filter(({ instance }) => slots.get(instance)?.going === undefined)
      .map(({ instance, ports }) => ({
        instance,
        clients: `${LOCALHOST}:${ports["clients"]}`,
        ...(ports["api"] === undefined ? {} : { api: `${LOCALHOST}:${ports["api"]}` }),
        control: `${LOCALHOST}:${ports["control"]}`,
        ...(shunned.has(instance) ? { shunned: true as const } : {}),
      })),
  });

  const portOf = (role: Role, name: string): number => {
    if (role.role === "hub" && name === "hub") return hubPort;
    if (role.role === "entry" && name === "clients") return entry.clients;
    if (role.role === "entry" && name === "api") return entry.api;
    return 0;
  };

  const changed = (instance: string, role: Role, event: Pick<ClusterEvent, "what" | "message">): void => {
    const view = slots.get(instance)?.keeper.view();
    if (event.what === "ready" && view !== undefined) {
      wasReady.add(role.role);
      if (role.role === "hub" && view.ports["hub"] !== undefined) {
        hubPort = view.ports["hub"];
        void write(join(directory.server("hub"), "uri"), `tcp://${LOCALHOST}:${hubPort}\n`).catch(() => {});
      }
    }
    if (event.what === "failing" && role.role === "hub" && (view?.restarts ?? 0) % FORGET_PORT_AFTER === 2) hubPort = 0;
    if (view?.state === "stopping") void stop(instance);
    if (role.role === "gateway") void write(directory.peers, JSON.stringify(peers())).catch(() => {});
    const told: ClusterEvent = {
      at: now(),
      role: role.role,
      instance,
      ...(role.pool === undefined ? {} : { pool: role.pool }),
      ...event,
    };
    for (const listener of listeners) listener(directoryCluster(), [told]);
    converge();
  };

  const directoryCluster = () => wanted?.cluster ?? "";

  const start = (role: Role): void => {
    const instance = firstFree(new Set(slots.keys()), `${directoryCluster()}-${role.name}`);
    const keeper = keepInstance({
      instance,
      role,
      now,
      ...(timing === undefined ? {} : { timing }),
      onLine: (line) => onLine(instance, line),
      onChange: (event) => queueMicrotask(() => changed(instance, role, event)),
      launch: async (onLine) => {
        await writes;
        const [program = "", ...args] = role.command;
        return startChild({
          command: [join(root, program), ...args],
          cwd: directory.home,
          logFile: directory.log(instance),
          onLine,
          env: await resolveEnvironment(role, {
            directory,
            instance,
            port: (name) => portOf(role, name),
            inherited,
            host: role.role === "entry" ? entry.host : LOCALHOST,
          }),
        });
      },
    });
    slots.set(instance, { keeper, role });
  };

  const stop = (instance: string, waitMs = delistMs, isHurried = false): Promise<void> => {
    const slot = slots.get(instance);
    if (slot === undefined) return Promise.resolve();
    const graceMs = slot.role.graceSeconds * 1000;
    if (slot.going !== undefined && isHurried) void slot.keeper.stop(graceMs, true);
    const leave = async () => {
      if (slot.role.role === "gateway" && waitMs > 0) {
        await write(directory.peers, JSON.stringify(peers())).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
      await slot.keeper.stop(graceMs, isHurried);
      slots.delete(instance);
      converge();
    };
    return (slot.going ??= Promise.resolve().then(leave));
  };

  const seen = (name: string) =>
    [...slots.values()].flatMap(({ keeper, going }) => {
      const view = keeper.view();
      return view.of === name ? [going === undefined ? view : { ...view, state: "stopping" as const }] : [];
    });

  /** Starts and stops what the wanted topology asks for now; called after every change. */
  const converge = (): void => {
    if (isStopping || wanted === undefined) return;
    const { roles } = wanted;
    for (const role of roles) {
      const plan = planRole(seen(role.name), role);
      for (const instance of plan.stop) void stop(instance);
      const isBlocked = role.needs.some((need) => roles.some(({ role }) => role === need) && !wasReady.has(need));
      if (!isBlocked) for (let i = 0; i < plan.start; i++) start(role);
    }
    for (const [instance, { role }] of slots) if (!roles.some(({ name }) => name === role.name)) void stop(instance);
  };

  /** One less of a role is wanted, until the next topology says how many. */
  const lower = (name: string): void => {
    if (wanted === undefined) return;
    const roles = wanted.roles.map((role) => (role.name === name ? { ...role, count: role.count - 1 } : role));
    wanted = { ...wanted, roles };
  };

  const allOf = (role: Role["role"]) => [...slots.keys()].filter((it) => slots.get(it)?.role.role === role);

  return {
    instances,
    controls: () => gateways().map(({ ports }) => `${LOCALHOST}:${ports["control"]}`),
    observe: () =>
      Promise.resolve({
        instances: [...new Set([...slots.values()].map(({ role }) => role.name))].flatMap(seen),
        servers: [],
        obstacles: [],
        leaving: [],
      }),
    apply: async (_key, topology) => {
      await write(directory.config, JSON.stringify(topology.liveConfig));
      await write(directory.peers, JSON.stringify(peers()));
      wanted = topology;
      converge();
    },
    stop: (_cluster, named) => {
      for (const instance of named) {
        const name = slots.get(instance)?.role.name;
        if (name !== undefined && slots.get(instance)?.going === undefined) lower(name);
        void stop(instance);
      }
      return Promise.resolve();
    },
    shun: (_key, named) => {
      shunned = new Set(named);
      return write(directory.peers, JSON.stringify(peers()));
    },
    onChange: (listener) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    killAll: () => {
      isStopping = true;
      for (const { keeper } of slots.values()) keeper.kill();
    },
    async [Symbol.asyncDispose]() {
      isStopping = true;
      const entries = allOf("entry").map((instance) => stop(instance, 0));
      await Promise.resolve();
      await Promise.all(allOf("gateway").map((instance) => stop(instance, 0, true)));
      await Promise.all(entries);
      await Promise.all(allOf("worker").map((instance) => stop(instance, 0)));
      await Promise.all(allOf("hub").map((instance) => stop(instance, 0)));
      await writes.catch(() => {});
    },
  };
};
