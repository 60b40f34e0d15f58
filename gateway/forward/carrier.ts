import { Agent, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Closing } from "../drain/index.ts";
import { carryRequest } from "./carry-request.ts";
import { clientOf } from "./client.ts";
import type { Link } from "./dial.ts";
import { holds, sessionOf, type Engine, type EngineRequest } from "./engine.ts";
import { upgradeBytes } from "./headers.ts";
import { joinSockets } from "./join-sockets.ts";
import { numberOf } from "./session-id.ts";

export type Kind = "request" | "upgrade";
export type Outcome = "passed" | "unknown" | "refused";

export interface CarrierOptions {
  /** This gateway's own. It answers what belongs to nobody, as it answers every session that it does not know. */
  engine: Engine;
  number: string;
  /** Whether a gateway of that number can be reached, as far as is known; looks for it. */
  find: (number: string) => Promise<boolean>;
  /** Makes a link to it. Rejects where it cannot be reached. */
  link: (number: string) => Promise<Link>;
  draining: () => boolean;
  count: (kind: Kind, outcome: Outcome) => void;
  /** WebSockets, and requests, that are carried at the same time. */
  max: number;
}

/** A WebSocket of another gateway's session. */
export interface Carried extends Closing {
  /** Where the cluster recovers what clients miss, this one's is: as far as its first request tells. */
  recovers: boolean;
  /** Ends it, so that its client comes back elsewhere; what the owner had sent still arrives. */
  close(): void;
  /** Ends it now. */
  cut(): void;
}

export interface Carrier extends Disposable {
  handleRequest(request: EngineRequest, response: ServerResponse): void;
  handleUpgrade(request: EngineRequest, socket: Duplex, head: Buffer): void;
  readonly sockets: ReadonlySet<Carried>;
  /** Requests that are passed on now, long polls among them. */
  requests(): number;
}

const IDLE_LINK_MS = 30_000;
const MAX_IDLE_LINKS = 64;
const BUSY = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/** Links to one gateway, each for one request at a time, kept for the next ones. */
const agentOf = (link: () => Promise<Link>): Agent =>
  Object.assign(new Agent({ keepAlive: true, timeout: IDLE_LINK_MS, maxFreeSockets: MAX_IDLE_LINKS }), {
    createConnection: (_options: unknown, made: (error: Error | null, socket?: Duplex) => void) => {
      link().then(
        ({ socket }) => made(null, socket),
        (error: Error) => made(error),
      );
    },
  });

/** Stands before an engine: what belongs to a session of another gateway is passed on to it, all else is the engine's. */
export const createCarrier = ({ engine, number, find, link, draining, count, max }: CarrierOptions): Carrier => {
  const agents = new Map<string, Agent>();
  const sockets = new Set<Carried>();
  let requests = 0;

  /** The number of another gateway's session. */
  const ownerOf = (request: EngineRequest): string | undefined => {
    const sid = sessionOf(engine, request);
    if (sid === undefined || holds(engine, sid)) return undefined;
    const owner = numberOf(sid);
    return owner === number ? undefined : owner;
  };
  const agentFor = (owner: string): Agent => {
    const known = agents.get(owner);
    if (known !== undefined) return known;
    const linkOrForget = async () => {
      try {
        return await link(owner);
      } catch (error) {
        // Links that are in use go on; idle ones end by themselves.
        agents.delete(owner);
        throw error;
      }
    };
    for (const [gone, { sockets, freeSockets }] of agents)
      if (Object.keys(sockets).length + Object.keys(freeSockets).length === 0) agents.delete(gone);
    const agent = agentOf(linkOrForget);
    agents.set(owner, agent);
    return agent;
  };

  const passRequest = async (owner: string, request: EngineRequest, response: ServerResponse): Promise<void> => {
    const unknown = () => {
      count("request", "unknown");
      engine.handleRequest(request, response);
    };
    const isThere = await find(owner);
    if (response.destroyed) return;
    if (!isThere) return unknown();
    try {
      carryRequest({ agent: agentFor(owner), request, response, lost: unknown, leaving: draining });
      count("request", "passed");
    } catch {
      // Node's client is stricter than its server in what it takes for a request.
      response.writeHead(400, { Connection: "close" }).end();
    }
  };

  const passUpgrade = async (owner: string, request: EngineRequest, socket: Duplex, head: Buffer): Promise<void> => {
    const { EIO, recovery } = request._query ?? {};
    const recovers = EIO === "4" && recovery !== "0";
    const carried: Carried = { owed: 0, recovers, close: () => socket.destroy(), cut: () => socket.destroy() };
    sockets.add(carried);
    const gone = () => void sockets.delete(carried);
    socket.once("close", gone);
    try {
      if (!(await find(owner))) throw new Error("no such gateway");
      const { socket: onward } = await link(owner);
      if (socket.destroyed) return void onward.destroy();
      count("upgrade", "passed");
      onward.write(upgradeBytes(request, clientOf(socket), head));
      carried.close = joinSockets(socket, onward);
    } catch {
      gone();
      count("upgrade", "unknown");
      if (!socket.destroyed) engine.handleUpgrade(request, socket, head);
    }
  };

  return {
    sockets,
    requests: () => requests,
    handleRequest: (request, response) => {
      const owner = ownerOf(request);
      if (owner === undefined) return engine.handleRequest(request, response);
      if (requests >= max) {
        count("request", "refused");
        return void response.writeHead(503, { Connection: "close" }).end();
      }
      requests++;
      response.once("close", () => requests--);
      void passRequest(owner, request, response);
    },
    handleUpgrade: (request, socket, head) => {
      const owner = ownerOf(request);
      if (owner === undefined) return engine.handleUpgrade(request, socket, head);
      socket.on("error", () => undefined);
      if (draining() || sockets.size >= max) {
        count("upgrade", "refused");
        return void socket.end(BUSY, () => socket.destroy());
      }
      void passUpgrade(owner, request, socket, head);
    },
    [Symbol.dispose]: () => {
      for (const carried of sockets) carried.cut();
      for (const agent of agents.values()) agent.destroy();
    },
  };
};
