import { openRawSocket, openUpgraded, PACKET } from "../raw-socket.ts";
import { serveRemote } from "../remote.ts";

/** Clients that are in a room and count what they get. */
let received = 0;
let wanted = Number.POSITIVE_INFINITY;
let reached: () => void = () => undefined;

const open = (
  url: string,
  { channel = "bench", carrier }: { channel?: string; carrier?: string | undefined } = {},
): Promise<void> =>
  new Promise((resolve, reject) => {
    const hear: Parameters<typeof openRawSocket>[1] = (type, _data, socket) => {
      if (type === PACKET.connect) socket.send(`420["subscribe",${JSON.stringify({ channel })}]`);
      else if (type === PACKET.ack) resolve();
      else if (type === PACKET.event && ++received === wanted) reached();
    };
    if (carrier === undefined) openRawSocket(url, hear, reject);
    else openUpgraded(url, carrier, hear, reject).catch(reject);
  });

serveRemote({
  /** With a `carrier`, sessions of `url` that are upgraded through it. */
  async open(url: string, count: number, carrier?: string) {
    for (let i = 0; i < count; i += 50)
      await Promise.all(Array.from({ length: Math.min(50, count - i) }, () => open(url, { carrier })));
  },
  /** One socket in each of `channels`. */
  async openIn(url: string, channels: readonly string[]) {
    await Promise.all(channels.map((channel) => open(url, { channel })));
  },
  reset() {
    received = 0;
  },
  /** Resolves when `count` messages have arrived since the last reset. */
  receive(count: number) {
    wanted = count;
    return received >= count ? undefined : new Promise<void>((resolve) => (reached = resolve));
  },
});
