import { io, type Socket } from "socket.io-client";
import { hear, type Heard, type Met } from "./verdict.ts";

/** Clients, as browsers have them, that count what they hear and when they are away. */
export interface Listeners extends Disposable {
  /** Resolves when `count` more are connected. */
  open(url: string, count: number): Promise<void>;
  connected(): number;
  /** Sources that any of them has heard. */
  sources(): string[];
  /** What they met; times are those since the last `restart`. */
  met(): Met[];
  restart(): void;
}

/** How many connect at the same time. */
const AT_ONCE = 20;

interface Listener {
  socket: Socket;
  heard: Record<string, Heard>;
  open: Record<string, Set<number>>;
  lost: number[];
  back: number[];
  unrecovered: number;
}

export const createListeners = (): Listeners => {
  const all: Listener[] = [];
  const openOne = async (url: string): Promise<void> => {
    const socket = io(url, { transports: ["websocket"], forceNew: true });
    const it: Listener = { socket, heard: {}, open: {}, lost: [], back: [], unrecovered: 0 };
    all.push(it);
    socket.on("number", (source: string, number: number) => {
      const open = (it.open[source] ??= new Set());
      it.heard[source] = hear(it.heard[source], open, number);
    });
    await new Promise<void>((resolve) => void socket.once("connect", resolve));
    socket.on("disconnect", () => void it.lost.push(Date.now()));
    socket.on("connect", () => {
      it.back.push(Date.now());
      if (!socket.recovered) it.unrecovered += 1;
    });
  };
  return {
    open: async (url, count) => {
      let left = count;
      const some = async () => {
        for (; left > 0; await openOne(url)) left -= 1;
      };
      await Promise.all(Array.from({ length: AT_ONCE }, some));
    },
    connected: () => all.filter(({ socket }) => socket.connected).length,
    sources: () => [...new Set(all.flatMap(({ heard }) => Object.keys(heard)))],
    met: () => all.map(({ heard, lost, back, unrecovered }) => ({ heard: { ...heard }, lost, back, unrecovered })),
    restart: () => {
      for (const it of all) Object.assign(it, { lost: [], back: [], unrecovered: 0 });
    },
    [Symbol.dispose]: () => {
      for (const { socket } of all) socket.disconnect();
    },
  };
};
