import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { counter, gauge } from "#process";
import type { Registry } from "prom-client";

export interface Balancer extends AsyncDisposable {
  readonly port: number;
  /** Takes no more connections; resolves when the last one has ended. */
  drained(): Promise<void>;
}

export interface BalanceOptions {
  host: string;
  port: number;
  /** host:port of those that take connections now. */
  targets: () => readonly string[];
  metrics: EntryMetrics;
  /** How long a connection waits for a target to come. */
  waitMs?: number;
  /** Waiting connections beyond this many are refused at once. */
  maxWaiting?: number;
  /** A client that takes nothing of what waits for it, or does not close when its gateway has, and is silent for so long is let go. */
  lingerMs?: number;
}

export type EntryMetrics = ReturnType<typeof entryMetrics>;

/** What the entry counts; one set for all its ports. */
export const entryMetrics = (registry: Registry) => ({
  connections: gauge(registry, {
    name: "realtime_entry_connections",
    help: "Connections that are passed on now",
  }),
  retries: counter(registry, {
    name: "realtime_entry_retries_total",
    help: "Gateways that did not take a connection, which went to the next",
  }),
  refused: counter(registry, {
    name: "realtime_entry_refused_total",
    help: "Connections that no gateway took",
  }),
});

const UNAVAILABLE =
  "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const CONNECT_MS = 1000;
const LOOK_AGAIN_MS = 50;

/** A connection to `target`, or undefined where it does not take one. */
const dial = (target: string): Promise<Socket | undefined> =>
  new Promise((resolve) => {
    const at = target.lastIndexOf(":");
    const socket = connect({
      host: target.slice(0, at),
      port: Number(target.slice(at + 1)),
      allowHalfOpen: true,
      noDelay: true,
    });
    const give = (result: Socket | undefined) => {
      clearTimeout(timer);
      socket.off("error", fail).off("connect", succeed);
      if (result === undefined) socket.on("error", () => {}).destroy();
      resolve(result);
    };
    const fail = () => give(undefined);
    const succeed = () => give(socket);
    const timer = setTimeout(fail, CONNECT_MS);
    socket.once("error", fail).once("connect", succeed);
  });

const follow = (other: Socket) => (hadError: boolean) => (hadError ? other.resetAndDestroy() : other.destroySoon());

/** Passes bytes both ways; each direction ends by itself, and when one socket has gone the other follows with what is left to write. */
const join = (client: Socket, gateway: Socket, lingerMs: number): void => {
  gateway.on("error", () => {});
  client.setTimeout(lingerMs).on("timeout", () => {
    if (client.writableNeedDrain || gateway.readableEnded) client.destroy();
  });
  gateway.on("end", () => client.setTimeout(lingerMs));
  client.on("close", follow(gateway));
  gateway.on("close", follow(client));
  client.pipe(gateway);
  gateway.pipe(client);
};

/** Listens and gives each connection to the next target in turn: raw TCP, nothing read, nothing remembered. */
export const balance = async ({
  host,
  port,
  targets,
  metrics,
  waitMs = 2000,
  maxWaiting = 1000,
  lingerMs = 30_000,
}: BalanceOptions): Promise<Balancer> => {
  let turn = 0;
  let waiting = 0;
  const open = new Set<Socket>();

  /** The first that takes the connection, from the next in turn on; looks again for a while where none does. */
  const pick = async (client: Socket): Promise<Socket | undefined> => {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const all = targets();
      for (let i = 0; i < all.length && !client.destroyed; i++) {
        const target = all[turn++ % all.length];
        const socket = target === undefined ? undefined : await dial(target);
        if (socket !== undefined) return socket;
        metrics.retries.inc();
      }
      if (client.destroyed || performance.now() >= deadline || waiting > maxWaiting) return undefined;
      await delay(LOOK_AGAIN_MS);
    }
  };

  const pass = async (client: Socket): Promise<void> => {
    open.add(client);
    metrics.connections.inc();
    client.on("error", () => {});
    client.once("close", () => {
      open.delete(client);
      metrics.connections.dec();
    });
    waiting++;
    const gateway = await pick(client);
    waiting--;
    if (gateway === undefined) {
      if (client.destroyed) return;
      metrics.refused.inc();
      client.end(UNAVAILABLE, () => client.destroySoon());
      return;
    }
    if (client.destroyed) gateway.on("error", () => {}).destroy();
    else join(client, gateway, lingerMs);
  };

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => void pass(client));
  server.listen(port, host);
  await once(server, "listening");
  let closed: Promise<unknown> | undefined;
  const drained = async () => {
    closed ??= once(server.close(), "close");
    await closed;
  };
  return {
    port: (server.address() as AddressInfo).port,
    drained,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await drained();
    },
  };
};
