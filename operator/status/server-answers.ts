import type { Facts, Judgement } from "./model.ts";

/** Whether the gateways say that they reach a server. */
export const serverAnswers = ({ signal }: Facts, plane: "broker" | "adapter", driver: string): Judgement => {
  if (signal === undefined)
    return { status: "Unknown", reason: "NoSignal", message: `no gateway has told whether ${driver} answers` };
  return signal.snapshot.servers[plane]
    ? { status: "True", reason: "Connected", message: `${driver} answers` }
    : { status: "False", reason: "Disconnected", message: `${driver} does not answer the gateways` };
};
