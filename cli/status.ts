import type { Snapshot } from "#crds";
import { findRunning, type Running } from "./running.ts";
import { snapshotsOf } from "./snapshots.ts";
import type { Terminal } from "./terminal.ts";

/** The first snapshot that tells of pools; undefined where none comes in time. */
const firstSnapshot = async ({ ask }: Running): Promise<Snapshot | undefined> => {
  let last: Snapshot | undefined;
  try {
    for await (const snapshot of snapshotsOf(await ask("/signals", { signal: AbortSignal.timeout(4000) }))) {
      last = snapshot;
      if (last.pools.every(({ ready }) => ready !== undefined)) return last;
    }
  } catch {
    return last;
  }
  return last;
};

const ago = (since: number, now: number): string => {
  const seconds = Math.max(0, Math.round((now - since) / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
};

const number = (value: number | undefined): string => (value === undefined ? "?" : String(value));

/** Prints the processes, pools and conditions of a cluster that runs. */
export const status = async (named: string | undefined, out: Terminal, now: number = Date.now()): Promise<void> => {
  const running = await findRunning(named);
  const { state } = running;
  const snapshot = await firstSnapshot(running);
  out.line(`${out.paint("bold", state.cluster)}  clients http://localhost:${state.clients}`);
  out.line();
  out.table([
    ["PROCESS", "STATE", "PID", "RESTARTS", "SINCE", ""],
    ...state.instances.map(({ instance, state, pid, restarts, since, message }) => [
      instance,
      state,
      number(pid),
      String(restarts),
      ago(since, now),
      message ?? "",
    ]),
  ]);
  const pools = [...new Set(state.instances.flatMap(({ pool }) => (pool === undefined ? [] : [pool])))];
  const known = snapshot?.pools ?? [];
  const names = [...new Set([...pools, ...known.map(({ pool }) => pool)])];
  if (names.length > 0) {
    out.line();
    out.table([
      ["POOL", "WORKERS", "WAITING", "IN HAND", "DEAD"],
      ...names.map((name) => {
        const report = known.find(({ pool }) => pool === name);
        const ready = state.instances.filter(({ pool, state }) => pool === name && state === "ready").length;
        const remote = snapshot?.workers.filter((it) => it.pool === name && it.remote === true).length ?? 0;
        const workers = remote === 0 ? String(ready) : `${ready} + ${remote} remote`;
        return [name, workers, number(report?.ready), number(report?.unacked), number(report?.dead)];
      }),
    ]);
  }
  if (snapshot !== undefined) {
    const connections = snapshot.gateways.reduce((sum, gateway) => sum + gateway.connections, 0);
    out.line();
    out.line(`${connections} connections on ${snapshot.gateways.length} gateways`);
  }
  if (state.scaling.length > 0) {
    out.line();
    out.table([
      ["COUNT OF", "DESIRED", "ACTUAL", "SINCE", "WHY"],
      ...state.scaling.map(({ name, desired, actual, at, reason, message }) => [
        name,
        String(desired),
        String(actual),
        ago(Date.parse(at), now),
        `${reason}: ${message}`,
      ]),
    ]);
  }
  out.line();
  out.table(state.conditions.map(({ type, status, reason, message }) => [type, status, reason, message]));
};
