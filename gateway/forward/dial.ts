import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { isSame, prove, readLine, readWelcome, TAKEN, writeHello, type Self } from "./handshake.ts";

/** A link to another gateway: bytes of HTTP go over it, and both sides have shown who they are. */
export interface Link {
  /** Of the gateway at the other end. */
  number: string;
  socket: Socket;
}

export interface DialOptions {
  self: Self;
  /** Secrets that the cluster's gateways share. */
  keys: () => readonly string[];
  timeoutMs?: number;
  nonce?: () => string;
}

/** ms after which a silent connection is asked whether it is still there. */
export const PROBE_MS = 15_000;

export const newNonce = (): string => randomBytes(18).toString("base64url");

const handshake = async (socket: Socket, { self, keys, nonce = newNonce }: DialOptions): Promise<string> => {
  const hello = { ...self, nonce: nonce() };
  socket.write(writeHello(hello));
  const welcome = readWelcome(await readLine(socket));
  if (welcome === undefined) throw new Error("what answers is no gateway");
  const key = keys().find((it) => {
    const proof = prove(it, "called", hello, welcome);
    return welcome.proofs.some((given) => isSame(given, proof));
  });
  if (key === undefined) throw new Error("what answers has none of our keys");
  socket.write(`${prove(key, "caller", hello, welcome)}\n`);
  if ((await readLine(socket)) !== TAKEN) throw new Error("the link was refused");
  return welcome.number;
};

/** Makes a link to host:port. Rejects where nothing answers within `timeoutMs`, or something that has none of our keys. */
export const dial = async (address: string, options: DialOptions): Promise<Link> => {
  const at = address.lastIndexOf(":");
  const socket = connect({
    host: address.slice(0, at).replace(/^\[|\]$/g, ""),
    port: Number(address.slice(at + 1)),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: PROBE_MS,
  });
  // Who uses the link hears of its end by `close`.
  socket.on("error", () => undefined);
  const timer = setTimeout(() => socket.destroy(new Error(`no link to ${address} in time`)), options.timeoutMs ?? 1000);
  try {
    await once(socket, "connect");
    return { number: await handshake(socket, options), socket };
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
};
