import { once } from "node:events";
import { createServer, type IncomingMessage, type Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import express from "express";
import { Server, type ServerOptions } from "socket.io";
import { joinWrites } from "./connections/join-writes.ts";
import type { GatewaySettings } from "./context.ts";
import type { Leaving } from "./drain/index.ts";

type AllowRequest = NonNullable<ServerOptions["allowRequest"]>;

/** The clients' port: socket.io, its client's script, and the files of `public`. */
export interface Listener {
  io: Server;
  server: HttpServer;
  /** Begins to take clients. Rejects where the port is taken. Resolves with the port. */
  listen(host: string, port: number): Promise<number>;
}

/** In the URL of a request that belongs to one already. */
const SESSION = /[?&]sid=/;

const corsOf = (origins: GatewaySettings["origins"]): NonNullable<ServerOptions["cors"]> => ({
  origin: origins === undefined || origins.includes("*") ? true : [...origins],
  credentials: true,
});

type Doorkeeper = Pick<Leaving, "refusing" | "arrived"> & {
  /** Clients are sent to other gateways: none of them is to find the way back by a connection that it has. */
  shedding: () => boolean;
};

/** As a request that asks for a session meets it. */
type Door = Pick<Doorkeeper, "arrived"> & { refusing: (request: IncomingMessage) => boolean };

/** Refuses new sessions where `refusing`, in a way that clients try again; the rest is for an app's own `allowRequest`. */
const allow =
  ({ refusing, arrived }: Door, own: AllowRequest | undefined): AllowRequest =>
  (request: IncomingMessage, decide) => {
    arrived();
    if (refusing(request)) decide("draining", false);
    else if (own === undefined) decide(null, true);
    else own(request, decide);
  };

/** What the file says, then the app's own, then ours; `allowRequest` is asked behind the gateway's own. */
export const socketOptions = (
  { options, origins, app }: Pick<GatewaySettings, "options" | "origins" | "app">,
  own: Partial<ServerOptions>,
  door: Door,
): Partial<ServerOptions> => ({
  ...(app === undefined && { httpCompression: false }),
  ...own,
  ...options,
  ...((app === undefined || origins !== undefined) && { cors: corsOf(origins) }),
  allowRequest: allow(door, own.allowRequest),
});

export const createListener = (settings: GatewaySettings, own: Partial<ServerOptions>, door: Doorkeeper): Listener => {
  const web = express().disable("x-powered-by");
  if (settings.public !== undefined) web.use(express.static(settings.public));
  const server = createServer(web);
  /** Connections that have carried a request. */
  const known = new WeakSet<Socket>();
  const returning = new WeakSet<IncomingMessage>();
  const refusing = (request: IncomingMessage) => door.refusing() || returning.has(request);
  const io = new Server(server, socketOptions(settings, own, { ...door, refusing }));
  joinWrites(io.engine);
  // Who comes again must not do so over the connection that leads here.
  server.prependListener("request", (request, response) => {
    if (door.shedding() && known.has(request.socket) && !SESSION.test(request.url ?? "")) returning.add(request);
    known.add(request.socket);
    if (refusing(request)) response.setHeader("connection", "close");
  });
  return {
    io,
    server,
    listen: async (host, port) => {
      server.listen(port, host);
      await once(server, "listening");
      const address = server.address();
      return typeof address === "object" && address !== null ? address.port : port;
    },
  };
};
