import type { Snapshot } from "#crds";
import type { Instance, Signal } from "../port.ts";
import type { Role } from "../topology/model.ts";
import type { Heard, InHand } from "./in-hand.ts";
import { instanceOf } from "./instance-of.ts";
import type { Fleet, GatewayLoad, Reading, WorkerLoad } from "./model.ts";

/** No queue has so many jobs, and no gateway so many clients. */
const MOST = 1e9;

const isPlausible = (value: number): boolean => value >= 0 && value <= MOST;

const jobsOf = (
  { pool = "" }: Role,
  { at, pools }: Snapshot,
  fleet: Fleet,
): { jobs: WorkerLoad } | { unknown: string } => {
  const report = pools.find((it) => it.pool === pool);
  if (report?.ready === undefined) return { unknown: "its backlog is unknown: the broker does not tell it" };
  // Where not all have told what they have in hand, those of the fleet have what they told last.
  const { ready, blocked = 0, unacked = fleet.inHand, leaving = 0, inRate, outRate, failedRate } = report;
  if (!isPlausible(ready) || !isPlausible(unacked))
    return { unknown: `its backlog is unknown: ${ready} waiting and ${unacked} in hand cannot be` };
  const rates = Object.fromEntries(
    Object.entries({ inRate, outRate, failedRate }).filter(([, rate]) => rate !== undefined && isPlausible(rate)),
  );
  // Who goes finishes what it has: nobody else need.
  const held = Math.max(unacked - leaving, fleet.inHand);
  return {
    jobs: { at, ready, unacked: held, ...rates, ...(blocked > 0 ? { blocked: Math.min(blocked, ready) } : {}) },
  };
};

const middle = (values: readonly number[]): number | undefined =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];

const clientsOf = (
  { gateways }: Snapshot,
  { own, unheard }: { own: readonly Instance[]; unheard: number },
): { clients: GatewayLoad } | { unknown: string } => {
  const wrong = gateways.find(({ connections, carried }) => !isPlausible(connections) || !isPlausible(carried));
  if (wrong !== undefined)
    return {
      unknown: `connections are unknown: ${wrong.connections} and ${wrong.carried} carried cannot be, as ${wrong.node} says`,
    };
  const isOwn = new Set(own.map(({ instance }) => instance));
  const draining = gateways.filter(({ draining }) => draining);
  const lagMs = middle(gateways.flatMap(({ lagMs }) => (lagMs !== undefined && isPlausible(lagMs) ? [lagMs] : [])));
  return {
    clients: {
      connections: gateways.reduce((sum, it) => sum + it.connections + (it.draining ? 0 : it.carried), unheard),
      draining: draining.filter(({ node }) => isOwn.has(instanceOf(node))).length,
      ...(lagMs === undefined ? {} : { lagMs }),
    },
  };
};

/** What is known of a role's load and of its instances, `own`. What cannot be true is not believed. */
export const readingOf = (
  role: Role,
  {
    own,
    inHand,
    heard,
    signal,
  }: {
    own: readonly Instance[];
    inHand: InHand;
    heard: ReadonlyMap<string, Heard>;
    signal: Signal | undefined;
  },
): Reading => {
  const known = [...inHand.values()].filter((load) => load !== undefined);
  const reports = own.filter(({ instance, state }) => state === "ready" && inHand.get(instance) !== undefined);
  const lastOf = (instance: string) => heard.get(instance)?.load ?? 0;
  const fleet: Fleet = {
    ready: own.filter(({ state }) => state === "ready").length,
    reporting: reports.length,
    inHand: own.reduce((sum, { instance }) => sum + (inHand.get(instance) ?? lastOf(instance)), 0),
    busy: known.filter((load) => load > 0).length,
    silent: inHand.size - known.length,
  };
  if (signal === undefined) return { load: { unknown: "its load is unknown: no gateway tells it" }, fleet };
  const { snapshot } = signal;
  if (role.role !== "gateway") return { load: jobsOf(role, snapshot, fleet), fleet };
  const silent = own.filter(({ instance }) => inHand.get(instance) === undefined);
  const unheard = silent.reduce((sum, { instance }) => sum + lastOf(instance), 0);
  return { load: clientsOf(snapshot, { own, unheard }), fleet };
};
