import { openRawSocket, PACKET } from "../raw-socket.ts";
import { serveRemote } from "../remote.ts";

/** Clients that are in a room and count what they get. */
let received = 0;
let wanted = Number.POSITIVE_INFINITY;
let reached: () => void = () => undefined;

const open = (url: string, channel = "bench"): Promise<void> =>
  new Promise((resolve, reject) => {
    openRawSocket(
      url,
      (type, _data, socket) => {
        if (type === PACKET.connect) socket.send(`420["subscribe",${JSON.stringify({ channel })}]`);
        else if (type === PACKET.ack) resolve();
        else if (type === PACKET.event && ++received === wanted) reached();
      },
      reject,
    );
  });

serveRemote({
  async open(url: string, count: number) {
    for (let i = 0; i < count; i += 50)
      await Promise.all(Array.from({ length: Math.min(50, count - i) }, () => open(url)));
  },
  /** One socket in each of `channels`. */
  async openIn(url: string, channels: readonly string[]) {
    await Promise.all(channels.map((channel) => open(url, channel)));
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
