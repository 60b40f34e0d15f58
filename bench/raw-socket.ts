import { WebSocket } from "ws";

const CONNECT = "40";
const [OPEN, PING, PONG, MESSAGE] = [0x30, 0x32, 0x33, 0x34];

/**
 * A bare WebSocket that speaks just enough of socket.io: it connects, answers pings, and hands on each message with its packet type's byte. `auth`
 * is what it shows when it connects, `query` begins with `&`.
 */
export const openRawSocket = (
  url: string,
  onMessage: (type: number | undefined, data: Buffer, socket: WebSocket) => void,
  onError: (error: Error) => void,
  { auth, query = "" }: { auth?: object | undefined; query?: string } = {},
): WebSocket => {
  const connect = auth === undefined ? CONNECT : CONNECT + JSON.stringify(auth);
  const socket = new WebSocket(`${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket${query}`, {
    perMessageDeflate: false,
  });
  socket.on("error", onError);
  socket.on("message", (data: Buffer) => {
    const [kind] = data;
    if (kind === OPEN) socket.send(connect);
    else if (kind === PING) socket.send("3");
    else if (kind === MESSAGE) onMessage(data[1], data, socket);
  });
  return socket;
};

/** The same for a session that begins by polling at `owner` and upgrades through `carrier`. */
export const openUpgraded = async (
  owner: string,
  carrier: string,
  onMessage: (type: number | undefined, data: Buffer, socket: WebSocket) => void,
  onError: (error: Error) => void,
): Promise<void> => {
  const opened = await (await fetch(`${owner}/socket.io/?EIO=4&transport=polling`)).text();
  const sid = /"sid":"([^"]*)"/.exec(opened)?.[1];
  const query = `EIO=4&transport=websocket&sid=${sid}`;
  const socket = new WebSocket(`${carrier.replace("http", "ws")}/socket.io/?${query}`, { perMessageDeflate: false });
  socket.on("error", onError);
  socket.on("open", () => socket.send("2probe"));
  socket.on("message", (data: Buffer) => {
    const [kind] = data;
    if (kind === PONG) socket.send("5", () => socket.send(CONNECT));
    else if (kind === PING) socket.send("3");
    else if (kind === MESSAGE) onMessage(data[1], data, socket);
  });
};

/** socket.io's packet types, as bytes. */
export const PACKET = { connect: 0x30, event: 0x32, ack: 0x33 } as const;
