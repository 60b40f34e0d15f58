import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Sender } from "ws";

/** A TCP connection that writes what it is told and keeps what it hears, as latin1. After 10 s of silence it ends. */
export interface Raw extends Disposable {
  socket: Socket;
  text(): string;
  /** Resolves with all that was heard when the other side has closed. */
  ended: Promise<string>;
}

export const openRaw = async (port: number, first: string | Buffer = ""): Promise<Raw> => {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString("latin1"))).on("error", () => undefined);
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  socket.once("close", () => resolve(text));
  socket.setTimeout(10_000, () => void socket.destroy());
  await once(socket, "connect");
  socket.write(first);
  return { socket, text: () => text, ended, [Symbol.dispose]: () => void socket.destroy() };
};

/** A text frame, or one of another kind, as a client sends it. */
export const frame = (data: string | Buffer, opcode = typeof data === "string" ? 1 : 2): Buffer =>
  Buffer.concat(Sender.frame(Buffer.from(data), { fin: true, rsv1: false, mask: true, readOnly: false, opcode }));

export const CLOSE_FRAME = frame(Buffer.from([3, 232]), 8);

export interface Ask {
  method?: string;
  query?: string;
  headers?: readonly string[];
  body?: string;
  version?: string;
}

/** The bytes of a request to socket.io's path. */
export const requestText = ({ method = "GET", query = "", headers = [], body, version = "1.1" }: Ask): string =>
  [
    `${method} /socket.io/?EIO=4&transport=polling${query} HTTP/${version}`,
    "Host: chat.example.com",
    ...headers,
    ...(body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
    "",
    body ?? "",
  ].join("\r\n");

/** The bytes of an upgrade request. */
export const upgradeText = (query: string, headers: readonly string[] = []): string =>
  requestText({
    query,
    headers: [
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    ],
  }).replace("transport=polling", "transport=websocket");

/** Lets a server of this process end its polling sessions at once when it is closed: engine.io gives them 30 s. */
export const endQuickly = (engine: {
  on(event: "connection", listener: (connection: { transport: object }) => void): unknown;
}): void => void engine.on("connection", ({ transport }) => Reflect.set(transport, "closeTimeout", 0));

/** Begins a session by polling and resolves with its id. */
export const openSession = async (port: number): Promise<string> => {
  using raw = await openRaw(port, requestText({ headers: ["Connection: close"] }));
  const sid = /"sid":"([^"]*)"/.exec(await raw.ended)?.[1];
  if (sid === undefined) throw new Error(raw.text());
  return sid;
};
