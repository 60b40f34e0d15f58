import { io as connect, type Socket } from "socket.io-client";
import { mostPerSecond } from "../../gateway/drain/index.ts";

/** What became of clients that hear numbers: 0 everywhere is as it should be. */
export interface Faults {
  lost: number;
  doubled: number;
  disordered: number;
  /** Came back, and was told that something is lost, or not that it recovered. */
  unrecovered: number;
  /** Came back to the gateway that it was on. */
  returned: number;
}

export interface CountingClient {
  socket: Socket;
  /** Numbers of the gateways that owned its sessions, one after the other, by their place in the session's id. */
  gateways: string[];
  /** performance.now() of each time that it was sent away, and came back. */
  sentAway: number[];
  cameBack: number[];
  last: number | undefined;
}

export interface CountingClients extends Disposable {
  all: readonly CountingClient[];
  faults: Faults;
  /** Adds `count` more; resolves when they are connected and hear the channel. */
  open(count: number, transports?: string[]): Promise<void>;
  /** How many times clients came back, all together. */
  moves(): number;
  /** The most that were sent away, or came back, within one second. */
  peak(of: "sentAway" | "cameBack"): number;
}

const SESSION_NUMBER = 8;
const AT_ONCE = 50;

/** The gateway of a connected client's session. */
export const gatewayOf = (socket: Socket): string => socket.io.engine.id?.slice(0, SESSION_NUMBER) ?? "";

/** Clients with socket.io's own defaults, subscribed to `channel`, whose event `n` has numbers that go up by one. */
export const countingClients = (url: string, channel: string): CountingClients => {
  const all: CountingClient[] = [];
  const faults: Faults = { lost: 0, doubled: 0, disordered: 0, unrecovered: 0, returned: 0 };

  const heard = (client: CountingClient, n: number): void => {
    const { last } = client;
    if (last !== undefined && n === last) faults.doubled++;
    else if (last !== undefined && n < last) faults.disordered++;
    else if (last !== undefined) faults.lost += n - last - 1;
    client.last = Math.max(n, last ?? n);
  };

  const openOne = async (transports: string[]): Promise<void> => {
    const socket = connect(url, { transports, forceNew: true });
    const client: CountingClient = { socket, gateways: [], sentAway: [], cameBack: [], last: undefined };
    all.push(client);
    socket.on("n", (n: number) => heard(client, n));
    socket.on("recovery:lost", () => faults.unrecovered++);
    socket.on("disconnect", () => client.sentAway.push(performance.now()));
    socket.on("connect", () => {
      const gateway = gatewayOf(socket);
      if (client.gateways.length > 0) {
        client.cameBack.push(performance.now());
        if (!socket.recovered) faults.unrecovered++;
        if (gateway === client.gateways.at(-1)) faults.returned++;
      }
      client.gateways.push(gateway);
    });
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    const answer: { ok: boolean } = await socket.emitWithAck("subscribe", { channel });
    if (!answer.ok) throw new Error(JSON.stringify(answer));
  };

  return {
    all,
    faults,
    open: async (count, transports = ["polling", "websocket"]) => {
      for (let from = 0; from < count; from += AT_ONCE)
        await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - from) }, () => openOne(transports)));
    },
    moves: () => all.reduce((sum, { cameBack }) => sum + cameBack.length, 0),
    peak: (of) => mostPerSecond(all.flatMap((client) => client[of]).sort((a, b) => a - b)),
    [Symbol.dispose]: () => {
      for (const { socket } of all) socket.disconnect();
    },
  };
};
