import { drainPlan } from "#crds";
import type { ScaleRules } from "../../operator/topology/model.ts";
import type { Load } from "./loads.ts";
import type { Policy } from "./policies.ts";
import { randomOf } from "./random.ts";
import { createTally, type Tally } from "./tally.ts";

/** Of the defaults. */
const DRAIN = drainPlan({ graceSeconds: 60, reconnectsPerSecond: 200 });

/** 1,000,000 clients at the most, 1,000 for each gateway; a client stays for half an hour on average. */
export const GATEWAYS: ScaleRules = {
  by: "connections",
  min: 2,
  max: 1200,
  target: 1000,
  scaleDownSeconds: 300,
  mostMoved: DRAIN.capacity,
};
const MOST_CLIENTS = 1_000_000;
const STAY_SECONDS = 1800;
const READY_SECONDS = 15;

export interface GatewayRun extends Tally {
  /** Clients that a drain sent to another gateway: per second at the most, and as a part of all that came. */
  movedPerSecond: number;
  moved: number;
}

interface Draining {
  left: number;
  /** Seconds between which its clients are closed. */
  from: number;
  until: number;
}

const leftOf = (draining: readonly Draining[]): number => draining.reduce((sum, { left }) => sum + left, 0);

/** Runs a policy over a load, second by second, on gateways that are simulated: clients go to any, the emptiest goes first and is drained at the cluster's pace, or faster where its grace would not hold. */
export const runGateways = (load: Load, policy: Policy, seed = 1): GatewayRun => {
  const random = randomOf(seed);
  const tally = createTally();
  const needAt = (second: number): number =>
    Math.max(2, Math.ceil((load.share(second) * MOST_CLIENTS) / GATEWAYS.target));
  let wanted = needAt(0);
  let serving: number[] = Array.from({ length: wanted }, () => (load.share(0) * MOST_CLIENTS) / wanted);
  let starting: number[] = [];
  let draining: Draining[] = [];
  let [moved, came, mostMoved] = [0, 0, 0];
  for (let second = 0; second < load.seconds; second++) {
    const due = starting.filter((at) => at <= second).length;
    starting = starting.filter((at) => at > second);
    serving = [...serving, ...Array.from({ length: due }, () => 0)].map((it) => it * (1 - 1 / STAY_SECONDS));
    const closing = draining.filter(({ from }) => from <= second);
    const all = leftOf(closing);
    let sent = 0;
    for (const it of closing) {
      const gone = Math.min(it.left, Math.max((DRAIN.perSecond * it.left) / all, it.left / (it.until - second)));
      it.left -= gone;
      sent += gone;
    }
    draining = draining.filter(({ left }) => left >= 1);
    const total = serving.reduce((sum, it) => sum + it, 0) + leftOf(draining);
    const clients = load.share(second) * MOST_CLIENTS;
    const fresh = Math.max(0, clients - total - sent);
    const leaving = total === 0 ? 0 : Math.max(0, total + sent - clients) / total;
    const share = (fresh + sent) / Math.max(1, serving.length);
    serving = serving.map((it) => it * (1 - leaving) + share * (0.9 + 0.2 * random()));
    moved += sent;
    came += fresh;
    mostMoved = Math.max(mostMoved, sent);

    const isTold = load.isTold?.(second) !== false;
    const connections = serving.reduce((sum, it) => sum + it, 0);
    const fleet = {
      ready: serving.length,
      reporting: isTold ? serving.length : 0,
      inHand: connections,
      busy: 0,
      silent: 0,
    };
    const told = {
      clients: { connections: connections + leftOf(draining), draining: 0, lagMs: 5 },
    };
    const reading = { load: isTold ? told : { unknown: "it is not told" }, fleet };
    wanted = policy({ reading, current: wanted, now: second * 1000 });
    const missing = wanted - serving.length - starting.length;
    if (missing > 0) starting.push(...Array.from({ length: missing }, () => second + READY_SECONDS));
    if (missing < 0) {
      const unborn = Math.min(starting.length, -missing);
      starting.length -= unborn;
      serving = serving.toSorted((a, b) => b - a);
      const [from, until] = [second + DRAIN.settledMs / 1000, second + DRAIN.closedMs / 1000];
      draining.push(...serving.splice(serving.length + missing + unborn).map((left) => ({ left, from, until })));
    }
    tally.add({ second, wanted, serving: serving.length, need: needAt(second) });
  }
  return { ...tally.result(), movedPerSecond: mostMoved, moved: moved / Math.max(1, came) };
};
