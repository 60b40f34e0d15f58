import { adapterReady } from "./adapter-ready.ts";
import { authenticationConfigured } from "./authentication-configured.ts";
import { brokerReady } from "./broker-ready.ts";
import { dataRetained } from "./data-retained.ts";
import { drainPaced } from "./drain-paced.ts";
import { exposed } from "./exposed.ts";
import { gatewaysReady } from "./gateways-ready.ts";
import { sentenceOf } from "../scale/tell.ts";
import {
  hasPods,
  readyOf,
  type ClusterStatus,
  type Condition,
  type ConditionType,
  type Count,
  type Facts,
  type Judgement,
  type ScalingStatus,
} from "./model.ts";
import { paused } from "./paused.ts";
import { ready } from "./ready.ts";
import { reconciling } from "./reconciling.ts";
import { scalingActive } from "./scaling-active.ts";
import { scalingLimited } from "./scaling-limited.ts";
import { stalled } from "./stalled.ts";
import { workersReady } from "./workers-ready.ts";

const pools = ({ topology, observation: { instances }, signal }: Facts): ClusterStatus["pools"] =>
  topology.roles.flatMap((role) => {
    if (role.pool === undefined) return [];
    const report = signal?.snapshot.pools.find(({ pool }) => pool === role.pool);
    const isKnown = report?.ready !== undefined && report.unacked !== undefined;
    return [
      {
        name: role.pool,
        replicas: role.count,
        ready: readyOf(role, instances),
        ...(isKnown ? { backlog: (report.ready ?? 0) + (report.unacked ?? 0) } : {}),
        ...(report?.dead === undefined ? {} : { dead: report.dead }),
      },
    ];
  });

const scaling = ({ scalings = [], observation: { instances } }: Facts): ScalingStatus[] =>
  scalings.map((it) => ({
    name: it.role.name,
    desired: it.desired,
    actual: readyOf(it.role, instances),
    reason: it.decision.reason,
    message: sentenceOf(it),
    at: new Date(it.decision.at).toISOString().replace(/\.\d+Z$/, "Z"),
  }));

/** Ready and wanted instances of the roles that play one part. */
const countOf = ({ topology, observation: { instances } }: Facts, part: "gateway" | "worker"): Count => {
  const roles = topology.roles.filter(({ role }) => role === part);
  return {
    ready: roles.reduce((sum, role) => sum + readyOf(role, instances), 0),
    wanted: roles.reduce((sum, { count }) => sum + count, 0),
  };
};

/** The status of a cluster by what is known of it; a condition keeps its time while its status stays. */
export const statusOf = (facts: Facts, previous: ClusterStatus | undefined, now: number): ClusterStatus => {
  const before = (type: ConditionType) => previous?.conditions.find((it) => it.type === type);
  const isStalled = stalled(facts);
  const parts = {
    GatewaysReady: gatewaysReady(facts),
    BrokerReady: brokerReady(facts),
    AdapterReady: adapterReady(facts),
    WorkersReady: workersReady(facts),
    ...(hasPods(facts) ? { Exposed: exposed(facts), DataRetained: dataRetained(facts) } : {}),
    DrainPaced: drainPaced(facts, before("DrainPaced")),
    AuthenticationConfigured: authenticationConfigured(facts),
    Paused: paused(facts),
    Reconciling: reconciling(facts, isStalled),
    Stalled: isStalled,
  };
  const follows = (facts.scalings ?? []).length > 0;
  const observedGeneration = facts.topology.generation;
  const condition = (type: ConditionType, judgement: Judgement): Condition => {
    const last = before(type);
    const lastTransitionTime =
      last?.status === judgement.status ? last.lastTransitionTime : new Date(now).toISOString();
    return { type, ...judgement, observedGeneration, lastTransitionTime };
  };
  const { version } = facts.observation;
  return {
    observedGeneration,
    ...(version === undefined ? {} : { version }),
    conditions: [
      condition("Ready", ready(parts, facts)),
      condition("GatewaysReady", parts.GatewaysReady),
      condition("BrokerReady", parts.BrokerReady),
      condition("AdapterReady", parts.AdapterReady),
      condition("WorkersReady", parts.WorkersReady),
      ...(follows ? [condition("ScalingActive", scalingActive(facts))] : []),
      ...(follows ? [condition("ScalingLimited", scalingLimited(facts))] : []),
      ...(parts.Exposed === undefined ? [] : [condition("Exposed", parts.Exposed)]),
      ...(parts.DataRetained === undefined ? [] : [condition("DataRetained", parts.DataRetained)]),
      condition("DrainPaced", parts.DrainPaced),
      condition("AuthenticationConfigured", parts.AuthenticationConfigured),
      condition("Paused", parts.Paused),
      condition("Reconciling", parts.Reconciling),
      condition("Stalled", parts.Stalled),
    ],
    gateways: countOf(facts, "gateway"),
    workers: countOf(facts, "worker"),
    pools: pools(facts),
    ...(follows ? { scaling: scaling(facts) } : {}),
  };
};
