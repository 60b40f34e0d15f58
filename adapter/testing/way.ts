import { once } from "node:events";
import { connect as dial, createServer, type AddressInfo, type Socket } from "node:net";

/** A way to the server that can be cut. */
export const startWay = async (uri: string) => {
  const sockets = new Set<Socket>();
  let isOpen = true;
  const server = createServer((socket) => {
    const { hostname, port } = new URL(uri);
    const onward = dial(Number(port), hostname);
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
    if (!isOpen) socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    isOpen = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    uri: `mongodb://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    mend: () => (isOpen = true),
    [Symbol.asyncDispose]: async () => {
      cut();
      server.close();
      await once(server, "close");
    },
  };
};
