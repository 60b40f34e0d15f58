import { Socket } from "node:net";
import type { ChannelModel } from "amqplib";

/**
 * Lets what is written in one go leave in one system call. amqplib writes message by message, and at thousands a second those calls
 * cost more than all else; where its socket is not where it used to be, nothing changes but the speed.
 */
export const coalesceWrites = (model: ChannelModel): void => {
  const socket: unknown = Reflect.get(model.connection, "stream");
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
