import { Socket } from "node:net";

/**
 * Lets what is written to `socket` in one turn leave in one system call: a client that writes message by message (amqplib, ioredis) spends
 * more on those calls, at thousands a second, than on all else. Anything but a socket is left alone, and nothing changes but the speed.
 */
export const coalesceWrites = (socket: unknown): void => {
  if (!(socket instanceof Socket)) return;
  const write = socket.write.bind(socket);
  let corked = false;
  const uncork = () => {
    corked = false;
    socket.uncork();
  };
  socket.write = (...args: unknown[]): boolean => {
    if (!corked) {
      corked = true;
      socket.cork();
      process.nextTick(uncork);
    }
    return Reflect.apply(write, socket, args);
  };
};
