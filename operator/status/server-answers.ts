import type { Facts, Judgement } from "./model.ts";

const VARIABLE = { broker: "BROKER", adapter: "ADAPTER" } as const;

/** Whether the gateways say that they reach a server. */
export const serverAnswers = ({ topology, signal }: Facts, plane: "broker" | "adapter"): Judgement => {
  const driver = topology.roles.find(({ role }) => role === "gateway")?.env[VARIABLE[plane]];
  const server = typeof driver !== "string" || driver === "zeromq" ? "the hub" : driver;
  if (signal === undefined)
    return {
      status: "Unknown",
      reason: "NoSignal",
      message: `no gateway has told whether ${server} answers as ${plane}`,
    };
  return signal.snapshot.servers[plane]
    ? { status: "True", reason: "Connected", message: `${server} answers as ${plane}` }
    : { status: "False", reason: "Disconnected", message: `${server} does not answer the gateways as ${plane}` };
};
