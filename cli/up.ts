import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { claimRunState, openLocalSubstrate, startOf, writeRunState, type RunState } from "#local";
import { openSignals, scaledEvent, startReconciling, topology, type ClusterStatus } from "#operator";
import { silentLog, watched } from "#process";
import { destination, pino } from "pino";
import { Registry } from "prom-client";
import { describeEvent, describeLine, withoutRepeats } from "./describe.ts";
import { interruptions } from "./interruptions.ts";
import { load, type Loaded } from "./load.ts";
import { limitLines } from "./limit-lines.ts";
import { requireFree } from "./ports.ts";
import { fileOf, shownPath } from "./read-file.ts";
import type { Terminal } from "./terminal.ts";
import { UserError } from "./user-error.ts";

export interface UpOptions {
  port?: number;
  host: string;
}

const DEFAULT_PORT = 3000;
/** How long the processes of a supervisor that was killed may take to leave their ports. */
const STOPPING_MS = 5000;

const printAddresses = (
  { file, cluster, directory }: Loaded,
  ports: { clients: number; api: number },
  out: Terminal,
) => {
  const { api } = cluster.spec.gateway;
  const keys = api?.keysSecretRef
    ? directory.secret(api.keysSecretRef.name)
    : join(directory.generated["api-keys"], "default");
  out.line(`${out.paint("bold", cluster.name)} from ${shownPath(file)}`);
  out.line(`  clients  ${out.paint("cyan", `http://localhost:${ports.clients}`)}`);
  if (api !== undefined)
    out.line(`  API      ${out.paint("cyan", `http://localhost:${ports.api}`)}  key in ${shownPath(keys)}`);
  out.line(`  logs     ${shownPath(join(directory.path, "logs"))}`);
  if (cluster.spec.gateway.auth === undefined)
    out.line(out.paint("yellow", "  anyone may connect and do everything: spec.gateway.auth is not set"));
  out.line();
};

/** Runs the cluster of a file as processes until it is interrupted; resolves with the exit code. */
export const up = async (named: string | undefined, options: UpOptions, out: Terminal): Promise<number> => {
  const first = await load(fileOf(named));
  const { file, directory } = first;
  const name = first.cluster.name;
  const clients = options.port ?? DEFAULT_PORT;
  const api = options.port === undefined ? (first.cluster.spec.gateway.api?.port ?? clients + 1) : clients + 1;
  const self: RunState = {
    pid: process.pid,
    started: (await startOf(process.pid)) ?? "",
    cluster: name,
    file,
    clients,
    instances: [],
    conditions: [],
    scaling: [],
  };
  const { running, killed } = await claimRunState(directory, self);
  if (running !== undefined)
    throw new UserError(`${name} runs already (process ${running.pid}, port ${running.clients}): stop that one first`);
  let writing = Promise.resolve();
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    await writing;
    await rm(directory.state, { force: true });
  });
  const patienceMs = killed ? STOPPING_MS : 0;
  await requireFree(options.host, clients, "clients", patienceMs);
  if (first.cluster.spec.gateway.api !== undefined) await requireFree(options.host, api, "the API", patienceMs);

  let current = first;
  let status: ClusterStatus | undefined;
  let readyGeneration: number | undefined;
  const interrupted = interruptions();
  const isNews = withoutRepeats();
  const show = limitLines((text) => out.line(text));
  const isStopping = (instance: string) =>
    substrate.instances().some((it) => it.instance === instance && it.state === "stopping");
  const substrate = stack.use(
    await openLocalSubstrate({
      directory,
      entry: { host: options.host, clients, api },
      onLine: (instance, line) => {
        if (line.level === "warn" && isStopping(instance)) return;
        const text = describeLine(out, instance, line);
        if (text !== undefined) show(instance, text);
      },
    }),
  );
  interrupted.onSecond(() => {
    substrate.killAll();
    out.line(out.paint("red", "killed"));
    process.exit(130);
  });

  const writeState = () => {
    writing = writing
      .then(() =>
        writeRunState(directory, {
          ...self,
          ...(current.cluster.spec.gateway.api === undefined ? {} : { api }),
          instances: [...substrate.instances()],
          conditions: status?.conditions ?? [],
          scaling: status?.scaling ?? [],
        }),
      )
      .catch((error: unknown) => log.warn({ err: error }, "the state could not be written"));
  };
  const log = pino(
    { level: "info" },
    destination({ dest: join(directory.path, "logs", "supervisor.log"), mkdir: true, sync: true }),
  );
  printAddresses(first, { clients, api }, out);
  substrate.onChange((_cluster, events) => {
    for (const event of events) if (isNews(event)) out.line(describeEvent(out, event));
    writeState();
  });

  const signals = stack.use(
    openSignals({
      cluster: name,
      controls: substrate.controls,
      token: async () => (await readFile(directory.generated["control-token"], "utf8")).trim(),
      onNews: () => loop.add(name),
      log,
      registry: new Registry(),
    }),
  );
  const loop = stack.use(
    startReconciling({
      wanted: () => ({ cluster: current.cluster }),
      planFor: (cluster) => topology(cluster, { managedAs: "hub" }),
      substrate,
      signals,
      onScaled: (_key, scaled) => {
        for (const it of scaled) out.line(describeEvent(out, scaledEvent(name, it)));
      },
      log,
      report: (_key, next) => {
        if (isDeepStrictEqual(next, status)) return;
        status = next;
        writeState();
        const ready = next.conditions.find(({ type }) => type === "Ready");
        if (ready?.status !== "True" || ready.observedGeneration === readyGeneration) return;
        readyGeneration = ready.observedGeneration;
        out.line(`${out.paint("green", "✓")} ${out.paint("bold", name)} is ready: http://localhost:${clients}`);
      },
    }),
  );
  loop.add(name);

  const text = stack.use(await watched(file, () => readFile(file, "utf8"), { log: silentLog(), everyMs: 300 }));
  const apply = async () => {
    const next = await load(file);
    if (next.cluster.name !== name)
      throw new UserError(`${shownPath(file)}: metadata.name: ${name} runs; stop it to start ${next.cluster.name}`);
    current = { ...next, cluster: { ...next.cluster, generation: current.cluster.generation + 1 } };
    out.line(`${out.paint("cyan", "»")} ${shownPath(file)} has changed: applying the difference`);
    loop.add(name);
  };
  const refuse = (error: unknown) => {
    out.problem(`${shownPath(file)} has changed, but is not valid; what runs stays as it is:`);
    for (const line of error instanceof UserError ? error.lines : [String(error)]) out.problem(`  ${line}`);
  };
  let applying = Promise.resolve();
  text.onChange(() => void (applying = applying.then(apply).catch(refuse)));

  await interrupted.first;
  out.line(`stopping; Ctrl-C again stops at once`);
  return 0;
};
