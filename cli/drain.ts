import { setTimeout as delay } from "node:timers/promises";
import { readRunState, type RunState } from "#local";
import { findRunning, type Running } from "./running.ts";
import { snapshotsOf } from "./snapshots.ts";
import type { Terminal } from "./terminal.ts";
import { UserError } from "./user-error.ts";

/** How long a gateway whose drain has ended may take to be gone. */
const GOING_MS = 10_000;
const LOOK_AGAIN_MS = 100;

const gatewaysOf = ({ instances }: RunState) => instances.filter(({ role }) => role === "gateway");

/** Prints how many connections are left, until the gateway's control port goes, as it does when they have gone. */
const showProgress = async (signals: Response, gateway: string, out: Terminal): Promise<void> => {
  let shown: number | undefined;
  try {
    for await (const { gateways } of snapshotsOf(signals)) {
      const own = gateways.find(({ node }) => node.startsWith(`${gateway}-`));
      const left = (own?.connections ?? 0) + (own?.carried ?? 0);
      if (left !== shown) out.line(`${gateway}: ${left} connections left`);
      shown = left;
    }
  } catch {
    // It has ended.
  }
};

/** The cluster without that gateway. Throws a UserError where it stays. */
const withoutIt = async ({ directory }: Running, gateway: string): Promise<RunState | undefined> => {
  for (const end = Date.now() + GOING_MS; Date.now() < end; await delay(LOOK_AGAIN_MS)) {
    const state = await readRunState(directory);
    if (state?.instances.every(({ instance }) => instance !== gateway) !== false) return state;
  }
  throw new UserError(`${gateway} has not gone: see its log in ${directory.log(gateway)}`);
};

/**
 * Asks a gateway to send its clients to the others and to go, and shows how far it is; resolves when it is gone. The supervisor starts another
 * in its place as soon as it begins.
 */
export const drain = async (gateway: string, file: string | undefined, out: Terminal): Promise<void> => {
  const running = await findRunning(file);
  const before = gatewaysOf(running.state);
  const found = before.find(({ instance }) => instance === gateway);
  if (found?.state !== "ready") {
    const ready = before.filter(({ state }) => state === "ready").map(({ instance }) => instance);
    const why = found === undefined ? `there is no gateway ${gateway}` : `${gateway} is ${found.state}`;
    throw new UserError(`${why}; gateways that can be drained: ${ready.join(", ") || "none"}`);
  }
  const signals = await running.ask("/signals", { signal: AbortSignal.timeout(86_400_000) }, gateway);
  const { ok, status } = await running.ask("/drain", { method: "POST" }, gateway);
  if (!ok) throw new UserError(`${gateway} answered ${status}`);
  out.line(`${gateway} sends its clients away`);
  await showProgress(signals, gateway, out);
  const after = await withoutIt(running, gateway);
  const others = after === undefined ? [] : gatewaysOf(after).map(({ instance }) => instance);
  const instead = others.filter((name) => before.every(({ instance }) => instance !== name));
  out.line(`${gateway} has gone${instead.length === 0 ? "" : `; in its place: ${instead.join(", ")}`}`);
};
