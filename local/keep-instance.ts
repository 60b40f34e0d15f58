import { setTimeout as delay } from "node:timers/promises";
import type { ClusterEvent } from "#crds";
import type { Instance, Role } from "#operator";
import { backoffMs, type Backoff } from "#process";
import type { Child } from "./child.ts";
import type { LogLine } from "./log-tail.ts";

/** An instance as a process. */
export interface LocalInstance extends Instance {
  pid?: number;
  ports: Record<string, number>;
}

export interface KeeperTiming {
  /** The first wait before a restart, and the longest. */
  backoff: Backoff;
  /** A life of so long forgets earlier deaths. */
  healthyMs: number;
  startTimeoutMs: number;
}

export const KEEPER_TIMING: KeeperTiming = {
  backoff: { minMs: 250, maxMs: 10_000 },
  healthyMs: 30_000,
  startTimeoutMs: 60_000,
};

export interface KeepOptions {
  instance: string;
  role: Role;
  /** Starts the process anew; rejects where it cannot be started, with a sentence that says why. */
  launch: (onLine: (line: LogLine) => void) => Promise<Child>;
  /** Called after each change, once `view` shows it. */
  onChange: (event: Pick<ClusterEvent, "what" | "message">) => void;
  onLine: (line: LogLine) => void;
  timing?: KeeperTiming;
  now?: () => number;
  random?: () => number;
}

/** One instance that is kept running until it is stopped, or goes in order because somebody else asked it to. */
export interface Keeper {
  view(): LocalInstance;
  /** Asks it to go, or to hurry, and kills it after the grace; resolves when it has gone. Safe to repeat. */
  stop(graceMs: number, isHurried?: boolean): Promise<void>;
  /** Kills it at once and for good. */
  kill(): void;
}

/** Starts an instance, and again whenever it ends, with exponential jittered backoff. */
export const keepInstance = ({
  instance,
  role,
  launch,
  onChange,
  onLine,
  timing = KEEPER_TIMING,
  now = Date.now,
  random = Math.random,
}: KeepOptions): Keeper => {
  let state: Instance["state"] = "starting";
  let since = now();
  let restarts = 0;
  let message: string | undefined;
  let child: Child | undefined;
  let ports: Record<string, number> = {};
  const stopping = new AbortController();

  const become = (next: Instance["state"], event: ClusterEvent["what"], why?: string) => {
    state = next;
    since = now();
    message = why;
    onChange(why === undefined ? { what: event } : { what: event, message: why.slice(0, 512) });
  };

  /** One life: resolves when it has ended, with whether it ever was ready and why it ended. */
  const live = async (): Promise<{ wasReady: boolean; why: string }> => {
    let complaint: string | undefined;
    let isPlain = true;
    let wasReady = false;
    try {
      const it = await launch((line) => {
        const isError = line.level === "error" || line.level === "fatal";
        if (isError || (isPlain && line.level === undefined && /error|cannot/i.test(line.text))) {
          complaint = line.text.replace(/^cannot start: /, "");
          isPlain = !isError;
        }
        onLine(line);
      });
      child = it;
      if (stopping.signal.aborted) it.signal("SIGTERM");
      const timer = setTimeout(() => {
        const late = `not ready after ${timing.startTimeoutMs / 1000} s`;
        complaint = complaint === undefined ? late : `${late}: ${complaint}`;
        it.signal("SIGKILL");
      }, timing.startTimeoutMs);
      void it.ready.then((reported) => {
        clearTimeout(timer);
        wasReady = true;
        if (stopping.signal.aborted || child !== it) return;
        ports = reported;
        become("ready", "ready");
      });
      void it.leaving.then(() => {
        if (stopping.signal.aborted) return;
        stopping.abort();
        become("stopping", "stopping");
      });
      const how = await it.exited;
      clearTimeout(timer);
      return { wasReady, why: wasReady || complaint === undefined ? how : complaint };
    } catch (error) {
      return { wasReady, why: error instanceof Error ? error.message : String(error) };
    } finally {
      child = undefined;
      ports = {};
    }
  };

  const run = async (): Promise<void> => {
    let failures = 0;
    onChange({ what: "starting" });
    while (!stopping.signal.aborted) {
      const startedAt = now();
      const { wasReady, why } = await live();
      if (stopping.signal.aborted) break;
      failures = now() - startedAt >= timing.healthyMs ? 1 : failures + 1;
      become(wasReady ? "backoff" : "failing", wasReady ? "exited" : "failing", why);
      await delay(backoffMs(failures, timing.backoff, random), undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) break;
      restarts += 1;
      become("starting", "restarting", why);
    }
    become("stopping", "stopped");
  };
  const ended = run();

  return {
    view: () => ({
      instance,
      role: role.role,
      ...(role.pool === undefined ? {} : { pool: role.pool }),
      of: role.name,
      configHash: role.configHash,
      state,
      restarts,
      since,
      ...(message === undefined ? {} : { message }),
      ...(child?.pid === undefined ? {} : { pid: child.pid }),
      ports,
    }),
    stop: async (graceMs, isHurried = false) => {
      const isFirst = !stopping.signal.aborted;
      stopping.abort();
      if (isFirst && child !== undefined) become("stopping", "stopping");
      if (isFirst || isHurried) child?.signal(isHurried ? "SIGINT" : "SIGTERM");
      const timer = setTimeout(() => child?.signal("SIGKILL"), graceMs);
      await ended;
      clearTimeout(timer);
    },
    kill: () => {
      stopping.abort();
      child?.signal("SIGKILL");
    },
  };
};
