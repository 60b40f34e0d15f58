import { randomBytes } from "node:crypto";
import type { Server } from "socket.io";

/** Says numbers to everyone, from 1 on, under a name of its own. */
export default (io: Server): void => {
  const source = randomBytes(4).toString("hex");
  let number = 0;
  setInterval(() => io.emit("number", source, ++number), Number(process.env["EVERY_MS"]));
};
