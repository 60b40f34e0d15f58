import { createServer as createHttpServer } from "node:http";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { clientOf, restoreClient } from "./client.ts";
import { newNonce, PROBE_MS } from "./dial.ts";
import { sessionOf, type Engine } from "./engine.ts";
import { isSame, prove, readHello, readLine, TAKEN, writeWelcome, type Self } from "./handshake.ts";

export interface LinkServerOptions {
  engine: Engine;
  number: string;
  keys: () => readonly string[];
  host: string;
  port: number;
  /** Told of each gateway that has made a link to this one: its number, and where its own links are. */
  met: (number: string, address: string) => void;
  /** Told of each connection that is no link. */
  refused: () => void;
  handshakeMs?: number;
  /** Connections that have not shown yet who they are; more are closed at once. */
  maxStrangers?: number;
}

export interface LinkServer extends AsyncDisposable {
  readonly port: number;
}

/** Above what the clients' port takes, so that the client's address always fits in. */
const MAX_HEADER_BYTES = 64 << 10;

const addressOf = (socket: Socket, port: number): string => {
  const address = clientOf(socket).address.replace(/^::ffff:(?=[0-9.]+$)/, "");
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
};

/** What comes over links goes to `engine` itself: no request is passed on twice, and none begins a session. No time limit is of the hop. */
const serveEngine = (engine: Engine) => {
  const http = createHttpServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    requireHostHeader: false,
    keepAliveTimeout: 0,
    requestTimeout: 0,
    headersTimeout: 0,
  });
  http.on("request", (request, response) => {
    restoreClient(request);
    if (sessionOf(engine, request) === undefined) response.writeHead(400).end();
    else engine.handleRequest(request, response);
  });
  http.on("upgrade", (request, socket, head) => {
    restoreClient(request);
    if (sessionOf(engine, request) === undefined) socket.destroy();
    else engine.handleUpgrade(request, socket, head);
  });
  return http;
};

/** Takes links from the cluster's other gateways, and nothing from anyone else. Rejects where the port is taken. */
export const serveLinks = async ({
  engine,
  number,
  keys,
  host,
  port,
  met,
  refused,
  handshakeMs = 2000,
  maxStrangers = 256,
}: LinkServerOptions): Promise<LinkServer> => {
  const http = serveEngine(engine);
  const open = new Set<Socket>();
  let strangers = 0;

  /** Resolves with who calls once both sides have proved to have a key. */
  const greet = async (socket: Socket): Promise<Self> => {
    const hello = readHello(await readLine(socket));
    if (hello === undefined) throw new Error("no hello");
    const own = { number, nonce: newNonce() };
    const all = keys();
    socket.write(writeWelcome({ ...own, proofs: all.map((key) => prove(key, "called", hello, own)) }));
    const proof = await readLine(socket);
    if (!all.some((key) => isSame(proof, prove(key, "caller", hello, own)))) throw new Error("no proof");
    return hello;
  };

  const take = async (socket: Socket): Promise<void> => {
    open.add(socket);
    socket.on("error", () => undefined).once("close", () => open.delete(socket));
    if (strangers >= maxStrangers || keys().length === 0) {
      refused();
      return void socket.destroy();
    }
    strangers++;
    const timer = setTimeout(() => socket.destroy(), handshakeMs);
    try {
      const caller = await greet(socket);
      met(caller.number, addressOf(socket, caller.port));
      socket.write(`${TAKEN}\n`);
      http.emit("connection", socket);
    } catch {
      refused();
      socket.destroy();
    } finally {
      clearTimeout(timer);
      strangers--;
    }
  };

  const server = createServer(
    { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: PROBE_MS },
    (socket) => void take(socket),
  );
  server.listen(port, host);
  await once(server, "listening");
  const listening = server.address();
  return {
    port: typeof listening === "object" && listening !== null ? listening.port : port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
};
