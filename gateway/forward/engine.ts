import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** A request as engine.io has prepared it. */
export interface EngineRequest extends IncomingMessage {
  _query?: Record<string, string>;
}

/** What is used of engine.io's server (engine.io 6.6, build/server.js). */
export interface Engine {
  /** By session id. */
  clients: Record<string, { close(): void }>;
  /** Sets `_query`, where it is not there yet. */
  prepare(request: EngineRequest): void;
  handleRequest(request: EngineRequest, response: ServerResponse): void;
  handleUpgrade(request: EngineRequest, socket: Duplex, head: Buffer): void;
  generateId(request: IncomingMessage): string | Promise<string>;
}

/** The server as it is used here: its types keep most of it to subclasses, which socket.io gives no way to name. */
export const engineOf = (server: object): Engine => server as Engine;

/** The session that a request belongs to; undefined where it begins one. */
export const sessionOf = (engine: Engine, request: EngineRequest): string | undefined => {
  engine.prepare(request);
  return request._query?.["sid"] || undefined;
};

export const holds = ({ clients }: Engine, sid: string): boolean => Object.hasOwn(clients, sid);

/** What an engine does now, whatever is put in the place of its methods later. */
export const asItIs = (engine: Engine): Engine => ({
  clients: engine.clients,
  prepare: engine.prepare.bind(engine),
  handleRequest: engine.handleRequest.bind(engine),
  handleUpgrade: engine.handleUpgrade.bind(engine),
  generateId: engine.generateId.bind(engine),
});
