import { once } from "node:events";
import { createServer, type IncomingMessage, type Server as HttpServer } from "node:http";
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

const corsOf = (origins: GatewaySettings["origins"]): NonNullable<ServerOptions["cors"]> => ({
  origin: origins === undefined || origins.includes("*") ? true : [...origins],
  credentials: true,
});

type Doorkeeper = Pick<Leaving, "refusing" | "arrived">;

/** Refuses new sessions while `refusing`, in a way that clients try again; the rest is for an app's own `allowRequest`. */
const allow =
  ({ refusing, arrived }: Doorkeeper, own: AllowRequest | undefined): AllowRequest =>
  (request: IncomingMessage, decide) => {
    arrived();
    if (refusing()) decide("draining", false);
    else if (own === undefined) decide(null, true);
    else own(request, decide);
  };

/** What the file says, then the app's own, then ours; `allowRequest` is asked behind the gateway's own. */
export const socketOptions = (
  { options, origins, app }: Pick<GatewaySettings, "options" | "origins" | "app">,
  own: Partial<ServerOptions>,
  door: Doorkeeper,
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
  const io = new Server(server, socketOptions(settings, own, door));
  joinWrites(io.engine);
  // Who comes again must not do so over the connection that leads here.
  server.prependListener("request", (_request, response) => {
    if (door.refusing()) response.setHeader("connection", "close");
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
