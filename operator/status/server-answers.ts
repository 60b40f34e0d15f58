import { failureOf, hasPods, obstaclesOf, readyOf, type Count, type Facts, type Judgement } from "./model.ts";

const VARIABLE = { broker: "BROKER", adapter: "ADAPTER" } as const;

/** A managed server as it is; undefined: it is not ours to know. */
const stateOf = (facts: Facts, name: string): (Count & { message: string | undefined }) | undefined => {
  const { topology, observation } = facts;
  const server = observation.servers.find((it) => it.name === name);
  if (server !== undefined) return { ready: server.ready, wanted: server.wanted, message: server.message };
  const hub = name === "hub" && hasPods(facts) ? topology.roles.find(({ role }) => role === "hub") : undefined;
  return (
    hub && {
      ready: readyOf(hub, observation.instances),
      wanted: hub.count,
      message: obstaclesOf(facts, hub.name)[0]?.message ?? failureOf(hub, observation.instances),
    }
  );
};

/** Whether the gateways say that they reach a server, and if they do not, what is known of it. */
export const serverAnswers = (facts: Facts, plane: "broker" | "adapter"): Judgement => {
  const { topology, signal } = facts;
  const gateway = topology.roles.find(({ role }) => role === "gateway");
  const driver = gateway?.env[VARIABLE[plane]];
  const name = typeof driver !== "string" || driver === "zeromq" ? "hub" : driver;
  const server = name === "hub" ? "the hub" : name;
  const state = stateOf(facts, name);
  const numbers =
    state !== undefined && state.ready < state.wanted ? `${state.ready}/${state.wanted} ready` : undefined;
  if (signal?.snapshot.servers[plane] === true)
    return {
      status: "True",
      reason: "Connected",
      message: `${server} answers as ${plane}${numbers === undefined ? "" : `; ${numbers}`}`,
    };
  const [obstacle] = obstaclesOf(facts, "servers");
  if (obstacle !== undefined)
    return {
      status: "False",
      reason: obstacle.reason,
      message: numbers === undefined ? obstacle.message : `${server}: ${numbers}; ${obstacle.message}`,
    };
  if (numbers !== undefined)
    return {
      status: "False",
      reason: "ServerNotReady",
      message: `${server}: ${numbers}${state?.message === undefined ? "" : `; ${state.message}`}`,
    };
  if (signal === undefined && gateway?.count === 0)
    return { status: "True", reason: "NotAsked", message: `no gateway is wanted that would ask ${server}` };
  if (signal === undefined)
    return {
      status: "Unknown",
      reason: "NoSignal",
      message: `no gateway has told whether ${server} answers as ${plane}`,
    };
  return { status: "False", reason: "Disconnected", message: `${server} does not answer the gateways as ${plane}` };
};
