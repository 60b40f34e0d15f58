import type { Peers } from "#adapter";
import { counter, type Log } from "#process";
import type { Registry } from "prom-client";
import { createCarrier, type Carrier } from "./carrier.ts";
import { dial, type Link } from "./dial.ts";
import { asItIs, engineOf } from "./engine.ts";
import { createMembers } from "./members.ts";
import { serveLinks } from "./serve-links.ts";
import { nameSessions, newNumber } from "./session-id.ts";

export interface ForwardingOptions {
  /** socket.io's, with the app's own `generateId` where it has one. */
  engine: object;
  peers: Peers;
  /** Secrets that the cluster's gateways share, the newest first. */
  keys: () => readonly string[];
  host: string;
  port: number;
  draining: () => boolean;
  log: Log;
  registry: Registry;
  number?: string;
  /** WebSockets, and requests, of other gateways' sessions that are carried at the same time; more are refused. */
  maxCarried?: number;
}

/** Until it is disposed, sessions of this gateway are reached through the others, and theirs through this one. */
export interface Forwarding extends AsyncDisposable, Pick<Carrier, "sockets" | "requests"> {
  /** Of the links. */
  readonly port: number;
}

/** How long a start waits for the peers to say who they are. */
const MEET_MS = 1000;

/**
 * Puts itself before `engine`. Call it before the first client, and after the app has set its own `generateId`. Resolves when the peers
 * have been met; rejects where the port is taken.
 */
export const openForwarding = async ({
  engine: server,
  peers,
  keys,
  host,
  port,
  draining,
  log,
  registry,
  number = newNumber(),
  maxCarried = 10_000,
}: ForwardingOptions): Promise<Forwarding> => {
  await using opened = new AsyncDisposableStack();
  const engine = engineOf(server);
  const own = asItIs(engine);
  const forwards = counter(registry, {
    name: "realtime_gateway_forwards_total",
    help: "Requests and upgrades of sessions that are not here: passed on to their gateway, unknown, or refused since too many are carried",
    labelNames: ["kind", "outcome"] as const,
  });
  const strangers = counter(registry, {
    name: "realtime_gateway_links_refused_total",
    help: "Connections to the port of the links that no gateway of this cluster made",
  });

  const meet = async (address: string) => {
    const { number: other, socket } = await dial(address, { self: { number, port: links.port }, keys });
    socket.destroy();
    return other;
  };
  const members = opened.use(createMembers({ number, peers, meet }));
  const links = opened.use(
    await serveLinks({
      engine: own,
      number,
      keys,
      host,
      port,
      met: (other, address) => members.learn(other, address),
      refused: () => strangers.inc(),
    }),
  );
  const link = async (owner: string): Promise<Link> => {
    const address = await members.find(owner);
    if (address === undefined) throw new Error(`gateway ${owner} is not there`);
    try {
      const made = await dial(address, { self: { number, port: links.port }, keys });
      if (made.number === owner) return made;
      made.socket.destroy();
      throw new Error(`gateway ${owner} is no longer at ${address}`);
    } catch (error) {
      members.forget(address);
      log.info({ err: error, address }, "a gateway cannot be reached; its sessions are unknown here");
      throw error;
    }
  };
  const carrier = opened.use(
    createCarrier({
      engine: own,
      number,
      find: async (owner) => (await members.find(owner)) !== undefined,
      link,
      draining,
      count: (kind, outcome) => forwards.inc({ kind, outcome }),
      max: maxCarried,
    }),
  );
  nameSessions(engine, number);
  engine.handleRequest = (request, response) => carrier.handleRequest(request, response);
  engine.handleUpgrade = (request, socket, head) => carrier.handleUpgrade(request, socket, head);
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, MEET_MS);
  await Promise.race([members.meetAll(), promise]);
  clearTimeout(timer);
  log.info({ number, known: members.size() }, "sessions of other gateways are passed on");
  const stack = opened.move();
  return {
    port: links.port,
    sockets: carrier.sockets,
    requests: carrier.requests,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};
