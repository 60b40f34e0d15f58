import { setTimeout as sleep } from "node:timers/promises";
import type { Server } from "socket.io";

/** An app whose handlers emit, answer, join and leave in every order, and whose middleware takes its time where it is asked to. */
export default (io: Server): void => {
  io.use((socket, next) => {
    const { slow, slowAgain } = socket.handshake.auth;
    const ms = Number((socket.handshake.auth["pid"] === undefined ? slow : slowAgain) ?? 0);
    if (ms > 0) void sleep(ms).then(() => next());
    else next();
  });
  io.on("connection", (socket) => {
    socket.on("go", (done: (isIn: boolean) => void) => {
      io.to("r").emit("not yet in");
      socket.emit("directly");
      void socket.join("r");
      io.to("r").emit("in");
      void socket.leave("r");
      io.to("r").emit("out again");
      io.in(socket.id).socketsJoin("r");
      io.to("r").emit("in by the server");
      done(socket.rooms.has("r"));
      socket.emit("behind the ack", { data: [1, "two"] });
      socket.to("r").emit("to the others");
      io.emit("to all", Buffer.from([1, 2]));
      io.in("r").socketsLeave("r");
      io.to("r").emit("to nobody");
      io.to("r").to(socket.id).emit("to this one");
      io.except(socket.id).emit("to all others");
      socket.emit("last", "text");
    });
    socket.on("rooms", (done: (rooms: string[]) => void) =>
      done([...socket.rooms].filter((room) => !room.startsWith("u:") && room !== socket.id)),
    );
    socket.on("join", (room: string, done: () => void) => {
      void socket.join(room);
      done();
    });
    socket.on("remember", (it: unknown) => void (socket.data.it = it));
    socket.on("recall", (done: (it: unknown) => void) => done(socket.data.it));
    socket.on("throw me out", () => {
      io.to(socket.id).emit("farewell");
      socket.disconnect();
      io.to(socket.id).emit("never heard");
    });
  });
};
