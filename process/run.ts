import { randomBytes } from "node:crypto";
import { collectDefaultMetrics, Registry } from "prom-client";
import type { z } from "zod";
import { readEnvironment } from "./environment.ts";
import { createLog, type Log } from "./log.ts";
import { serveProbes } from "./probes.ts";

interface CommonEnvironment {
  CLUSTER: string;
  INSTANCE: string;
  LOG_LEVEL: string;
  PROBE_PORT: number;
  PROBE_HOST: string;
}

/** What a process is given to build itself from. */
export interface ProcessContext<E> {
  env: E;
  log: Log;
  registry: Registry;
  /** Unique per start: `<INSTANCE>-<random>`. */
  node: string;
  /** Everything started goes in; closed in reverse order on SIGTERM, SIGINT or when the parent is gone. */
  stack: AsyncDisposableStack;
  /** Aborted by SIGINT, and when the parent is gone: everything else goes too, and nobody is to be spared by taking time. */
  hurry: AbortSignal;
  /** Adds a check to /readyz: a sentence while not ready, else undefined. */
  readiness(check: () => string | undefined): void;
  /** Adds a check to /healthz: a sentence where only a new process helps, else undefined. */
  liveness(check: () => string | undefined): void;
  /** True once stopping has begun. */
  stopping(): boolean;
  /** Begins stopping, as SIGTERM does, or hurries it, as SIGINT does; a repetition changes nothing. */
  stop(why: string, isHurried?: boolean): void;
}

/** Tells a supervisor over the IPC channel (where there is one) that this process is ready, with the ports it got. */
export interface ReadyMessage {
  type: "ready";
  ports: Record<string, number>;
}

/** Tells it that this process is on its way out, whoever asked it to go. */
export interface LeavingMessage {
  type: "leaving";
}

/**
 * The skeleton of every process: environment, log, metrics, probes, start, and stop in reverse order. `start` resolves when the
 * process is ready and returns the ports it listens on. A start that fails logs one line and exits with 1; a second signal exits at once,
 * but for a SIGINT after a SIGTERM, which hurries.
 */
export const runProcess = async <T extends z.ZodType<CommonEnvironment>>(
  role: string,
  schema: T,
  start: (context: ProcessContext<z.infer<T>>) => Promise<Record<string, number>>,
): Promise<void> => {
  const registry = new Registry();
  const stack = new AsyncDisposableStack();
  const checks: (() => string | undefined)[] = [];
  const vital: (() => string | undefined)[] = [];
  let started = false;
  let stopping = false;
  let log = createLog("info", { role });
  const notReady = () => [
    ...(started ? [] : ["starting"]),
    ...(stopping ? ["stopping"] : []),
    ...checks.map((check) => check()).filter((reason) => reason !== undefined),
  ];
  const notAlive = () => vital.map((check) => check()).filter((reason) => reason !== undefined);
  const hurry = new AbortController();
  const stop = (why: string, isHurried = false) => {
    const isNews = isHurried && !hurry.signal.aborted;
    if (isNews) hurry.abort();
    if (stopping && !isNews) process.exit(1);
    log.info({ why, isHurried }, "stopping");
    if (stopping) return;
    stopping = true;
    const message: LeavingMessage = { type: "leaving" };
    // A parent that is gone meanwhile is no news here.
    process.send?.(message, undefined, undefined, () => undefined);
    stack.disposeAsync().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, "did not stop cleanly");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT", true));
  process.on("disconnect", () => stop("the supervisor is gone", true));
  // It may have gone while this program was being loaded: nothing tells of that any more.
  if (process.send !== undefined && !process.connected) process.exit(1);
  process.on("unhandledRejection", (error) => {
    log.fatal({ err: error }, "unhandled rejection");
    process.exit(1);
  });
  try {
    const env = readEnvironment(schema);
    const node = `${env.INSTANCE}-${randomBytes(4).toString("hex")}`;
    log = createLog(env.LOG_LEVEL, { role, instance: env.INSTANCE });
    collectDefaultMetrics({ register: registry });
    const probes = stack.use(
      await serveProbes({ host: env.PROBE_HOST, port: env.PROBE_PORT }, { registry, notReady, notAlive }),
    );
    const ports = await start({
      env,
      log,
      registry,
      node,
      stack,
      hurry: hurry.signal,
      readiness: (check) => checks.push(check),
      liveness: (check) => vital.push(check),
      stopping: () => stopping,
      stop: (why, isHurried = false) => {
        if (!stopping || (isHurried && !hurry.signal.aborted)) stop(why, isHurried);
      },
    });
    started = true;
    const message: ReadyMessage = { type: "ready", ports: { probes: probes.port, ...ports } };
    process.send?.(message);
    log.info({ ports: message.ports }, "ready");
  } catch (error) {
    // What was being built when the stop began cannot be finished, and is no failure.
    if (stopping) return log.info({ err: error }, "stopped before it was ready");
    log.fatal({ err: error }, "cannot start");
    process.exit(1);
  }
};
