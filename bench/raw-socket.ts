import { WebSocket } from "ws";

const CONNECT = "40";
const [OPEN, PING, MESSAGE] = [0x30, 0x32, 0x34];

/** A bare WebSocket that speaks just enough of socket.io: it connects, answers pings, and hands on each message with its packet type's byte. */
export const openRawSocket = (
  url: string,
  onMessage: (type: number | undefined, data: Buffer, socket: WebSocket) => void,
  onError: (error: Error) => void,
): WebSocket => {
  const socket = new WebSocket(`${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`, {
    perMessageDeflate: false,
  });
  socket.on("error", onError);
  socket.on("message", (data: Buffer) => {
    const [kind] = data;
    if (kind === OPEN) socket.send(CONNECT);
    else if (kind === PING) socket.send("3");
    else if (kind === MESSAGE) onMessage(data[1], data, socket);
  });
  return socket;
};

/** socket.io's packet types, as bytes. */
export const PACKET = { connect: 0x30, event: 0x32, ack: 0x33 } as const;
