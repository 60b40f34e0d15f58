import type { Server, ServerOptions } from "socket.io";

/** A socket.io app as people have them: middleware, rooms, a namespace, acks, everything by hand. It knows nothing of us. */
export const options: Partial<ServerOptions> = { pingInterval: 7000, path: "/chat/" };

export default (io: Server): void => {
  io.use((socket, next) => {
    const { name, token } = socket.handshake.auth;
    if (token === "bad") return next(new Error("who are you"));
    socket.data.name = name ?? "nobody";
    next();
  });
  io.on("connection", (socket) => {
    socket.use(([event], next) => next(event === "forbidden" ? new Error("not that") : undefined));
    socket.on("error", (error) => socket.emit("problem", error.message));
    socket.on("join", (room: string, done?: (rooms: number) => void) => {
      void socket.join(room);
      done?.(socket.rooms.size);
    });
    socket.on("say", (room: string, text: string, done: (ok: string) => void) => {
      io.to(room).emit("said", socket.data.name, text);
      done("ok");
    });
    socket.on("subscribe", (what: unknown, done: (it: unknown) => void) => done({ mine: what }));
    socket.on("disconnecting", () => socket.broadcast.emit("left", socket.data.name));
  });
  io.of("/admin").on("connection", (socket) => {
    socket.on("count", (done: (n: number) => void) => done(io.of("/").sockets.size));
  });
};
