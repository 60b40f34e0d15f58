import { WebSocket } from "ws";
import { serveRemote } from "../remote.ts";

/** Bare WebSocket clients that speak just enough of socket.io to be in a room and count what they get. */
let received = 0;
let wanted = Number.POSITIVE_INFINITY;
let reached: () => void = () => undefined;

const open = (url: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`, {
      perMessageDeflate: false,
    });
    socket.on("error", reject);
    socket.on("message", (data: Buffer) => {
      const [type, kind] = [data[0], data[1]];
      if (type === 0x30) socket.send("40");
      else if (type === 0x32) socket.send("3");
      else if (type === 0x34 && kind === 0x30) socket.send('420["subscribe",{"channel":"bench"}]');
      else if (type === 0x34 && kind === 0x33) resolve();
      else if (type === 0x34 && kind === 0x32 && ++received === wanted) reached();
    });
  });

serveRemote({
  async open(url: string, count: number) {
    for (let i = 0; i < count; i += 50)
      await Promise.all(Array.from({ length: Math.min(50, count - i) }, () => open(url)));
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
