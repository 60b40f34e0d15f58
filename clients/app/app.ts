import type { Server, Socket } from "socket.io";

type Ack = (...answer: unknown[]) => void;

/** An app that lets a client try what it knows. Events that a pool takes never come here. */
export default (io: Server): void => {
  const serve = (socket: Socket) => {
    socket.on("echo", (...args: unknown[]) => void socket.emit("echoed", ...args));
    socket.on("answer", (...args: unknown[]) => {
      const ack = args.pop() as Ack;
      ack(...args);
    });
    socket.on("question", (...args: unknown[]) => {
      socket.emit("question", ...args, (...answer: unknown[]) => void socket.emit("answered", ...answer));
    });
    socket.on("transport", (ack: Ack) => ack(socket.conn.transport.name));
    socket.on("auth", (ack: Ack) => ack(socket.handshake.auth));
    socket.on("enter", (room: string, ack: Ack) => {
      void socket.join(room);
      ack(true);
    });
    socket.on("say", (room: string, ...args: unknown[]) => void socket.nsp.to(room).emit("said", ...args));
    socket.on("cut", () => socket.conn.close());
  };
  io.on("connection", serve);
  io.of("/closed")
    .use((socket, next) =>
      next(
        socket.handshake.auth["word"] === "sesame"
          ? undefined
          : Object.assign(new Error("not you"), { data: { code: "not_you" } }),
      ),
    )
    .on("connection", serve);
  io.of(/^\/room-\d+$/).on("connection", serve);
};
