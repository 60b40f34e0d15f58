import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { io as connect, type Socket } from "socket.io-client";
import { snapshot, type GatewayReport } from "#crds";
import { eventually, sharedServer } from "#testing";
import { roundRobin } from "./testing/balancers.ts";
import { CONTROL_TOKEN, startGateways, type GatewayProcess } from "./testing/gateways.ts";

let stack: AsyncDisposableStack;
beforeEach(() => void (stack = new AsyncDisposableStack()));
afterEach(() => stack.disposeAsync());

const control = ({ ports }: GatewayProcess, path: string, rest: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${ports.control}${path}`, { ...rest, headers: { authorization: `Bearer ${CONTROL_TOKEN}` } });

/** What a gateway says of itself. */
const reportOf = async (gateway: GatewayProcess): Promise<GatewayReport> => {
  const { body, status } = await control(gateway, "/signals", { signal: AbortSignal.timeout(10_000) });
  let text = "";
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  if (!text.includes("\n")) throw new Error(`${status}: ${text}`);
  const [own] = snapshot.parse(JSON.parse(text.slice(0, text.indexOf("\n")))).gateways;
  if (own === undefined) throw new Error("no report");
  return own;
};

test("sessions of other gateways are sent away too, and those that declined recovery stay", async () => {
  const gateways = stack.use(await startGateways(0, (await sharedServer("redis")).uri));
  const env = { RECOVERY: JSON.stringify({ maxMessages: 1000, maxBytes: 1_000_000 }) };
  const add = () => gateways.add({ env, settings: { recovery: { windowSeconds: 60 } } });
  const [sheds, other] = [await add(), await add()];
  const balancer = stack.use(await roundRobin(gateways.ports()));
  const client = async (query: Record<string, string>): Promise<{ socket: Socket; recovered: boolean[] }> => {
    const socket = connect(balancer.url, { query, forceNew: true, reconnectionDelay: 10 });
    stack.defer(() => void socket.disconnect());
    const recovered: boolean[] = [];
    socket.on("connect", () => recovered.push(socket.recovered));
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    await eventually(() => expect(socket.io.engine.transport.name).toBe("websocket"));
    return { socket, recovered };
  };
  const moving = await Promise.all(Array.from({ length: 12 }, () => client({})));
  const staying = await Promise.all(Array.from({ length: 6 }, () => client({ recovery: "0" })));
  const total = ({ connections, carried }: GatewayReport) => connections + carried;
  const before = await reportOf(sheds);
  expect(before.carried).toBeGreaterThan(0);
  expect(before.recoverable).toBeGreaterThan(0);
  expect(before.recoverable).toBeLessThan(total(before));

  const orders = [{ node: before.node, sessions: 1000, perSecond: 1000 }];
  const answer = await control(sheds, "/shed", { method: "POST", body: JSON.stringify(orders) });
  expect(await answer.json()).toEqual({ ok: true, taken: true });
  await eventually(async () => expect(await sheds.metric("realtime_gateway_shed_total")).toBe(before.recoverable));
  await eventually(() => {
    expect([...moving, ...staying].every(({ socket }) => socket.connected)).toBe(true);
    expect(moving.filter(({ recovered }) => recovered.length > 1).length).toBeGreaterThan(0);
  });
  expect(moving.every(({ recovered }) => recovered.slice(1).every((it) => it))).toBe(true);
  expect(staying.map(({ recovered }) => recovered.length)).toEqual(staying.map(() => 1));
  expect(await other.metric("realtime_gateway_shed_total")).toBe(0);
}, 60_000);
