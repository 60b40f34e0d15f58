import type { Server, ServerOptions } from "socket.io";

/** The same app behind the gateways and on a plain server, whose answers are compared. */
export const options: Partial<ServerOptions> = {
  pingInterval: Number(process.env["PING_INTERVAL"] ?? 1000),
  pingTimeout: 20_000,
  maxHttpBufferSize: 8_000_000,
  cors: { origin: "https://page.example", credentials: true },
  cookie: true,
};

export default (io: Server): void => {
  io.engine.on("headers", (headers: Record<string, string>, request: { socket: { remoteAddress?: string } }) => {
    headers["x-seen-from"] = request.socket.remoteAddress ?? "nobody";
  });
  io.on("connection", (socket) => {
    socket.on("echo", (what: unknown, done?: (it: unknown) => void) => {
      socket.emit("echoed", what);
      done?.(what);
    });
    socket.on("fetch", (bytes: number) => socket.emit("data", "x".repeat(bytes)));
    socket.on("address", (done: (address: string) => void) => done(socket.handshake.address));
  });
};
