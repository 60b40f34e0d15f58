import { expect } from "@jest/globals";
import { channelRoom } from "#crds";
import { eventually } from "#testing";
import type { RecoveringGateway, RovingClient } from "./recovery-cluster.ts";

export const pick = <T>(items: readonly T[]): T => {
  const item = items[Math.floor(Math.random() * items.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
};
/** Of the events "n", the first argument. */
export const numbersOf = (heard: readonly unknown[][]): unknown[] =>
  heard.filter(([event]) => event === "n").map(([, n]) => n);

/** What `heard` breaks: numbers that are not the next of `order`, where nothing said that something is lost. */
export const breaks = (heard: readonly unknown[][], order: readonly unknown[]): [unknown, unknown][] => {
  const places = new Map(order.map((n, at) => [n, at]));
  const broken: [unknown, unknown][] = [];
  let last: number | undefined;
  for (const [event, value] of heard) {
    if ((event === "(connected)" && value !== true) || event === "recovery:lost") last = undefined;
    if (event !== "n") continue;
    const at = places.get(value) ?? -1;
    if (last !== undefined && at !== last + 1) broken.push([order[last], value]);
    last = at;
  }
  return broken;
};

/** Cuts it, lets `meanwhile` happen while it is away, and waits until it is back. */
export const away = async (
  it: RovingClient,
  to: RecoveringGateway,
  meanwhile: () => Promise<unknown>,
): Promise<void> => {
  const before = it.connects();
  it.socket.io.reconnection(false);
  it.cut(to.port);
  await eventually(() => expect(it.socket.connected).toBe(false));
  await meanwhile();
  it.socket.io.reconnection(true);
  it.socket.connect();
  await eventually(() => expect(it.connects()).toBe(before + 1));
};

/** Emits "n" to the channel; resolves when the log has it. */
export const say = (gateway: RecoveringGateway, channel: string, ...args: unknown[]): Promise<unknown> =>
  gateway.ask("emit", { rooms: [channelRoom(channel)], event: "n", args });
export const subscribe = (it: RovingClient, channel: string): Promise<unknown> =>
  it.socket.timeout(5000).emitWithAck("subscribe", { channel });
export const until = (it: RovingClient, ...event: unknown[]): Promise<void> =>
  eventually(() => expect(it.heard).toContainEqual(event));
