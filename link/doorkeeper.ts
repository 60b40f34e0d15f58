import { Reply, type Context } from "zeromq";

/** ZeroMQ's own address for who decides about a connection (RFC 27); there is one for each context. */
const ADDRESS = "inproc://zeromq.zap.01";
const VERSION = "1.0";
const NO_BYTES = Buffer.alloc(0);

/** Lets those in whose public key is known; others are refused at the handshake. */
export const keepDoor = async (context: Context, isKnown: (publicKey: Buffer) => boolean): Promise<Disposable> => {
  const door = new Reply({ context, linger: 0 });
  await door.bind(ADDRESS);
  const keep = async () => {
    for await (const [, request, , , , mechanism, key] of door) {
      const known = mechanism?.toString() === "CURVE" && key !== undefined && isKnown(key);
      const status = known ? ["200", "OK"] : ["400", "another key"];
      await door.send([VERSION, request ?? NO_BYTES, ...status, "", NO_BYTES]);
    }
  };
  // Ends with its socket.
  keep().catch(() => {});
  return { [Symbol.dispose]: () => door.close() };
};
