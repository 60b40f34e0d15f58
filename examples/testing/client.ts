import { io, type Socket } from "socket.io-client";
import { z } from "zod";
import { eventually } from "#testing";
import { PATIENCE } from "./run-example.ts";

const session = z.object({ user: z.string(), token: z.string() });

/** A browser's end: a WebSocket connection that comes back by itself as the same user, and remembers what it heard. */
export interface Client extends Disposable {
  socket: Socket;
  /** The user and the token that the first connection was given; resolves once there is one. */
  session(): Promise<z.infer<typeof session>>;
  /** Emits and resolves with the ack; rejects after 30 s without one, and when the connection goes. */
  ask(event: string, ...args: unknown[]): Promise<unknown>;
  /** Data of the events of this name that have the given fields. */
  of(event: string, fields?: Record<string, unknown>): unknown[];
  /** Resolves with the first event of this name that has the given fields, heard already or to come. */
  hear(event: string, fields?: Record<string, unknown>): Promise<unknown>;
  /** What it met of a job, in order: `ack` and the names of `job:*` events. */
  order(id: string): string[];
  /** How often the connection was lost. */
  losses(): number;
}

const has = (data: unknown, fields: Record<string, unknown>): boolean =>
  typeof data === "object" &&
  data !== null &&
  Object.entries(fields).every(([key, value]) => key in data && Reflect.get(data, key) === value);

/** Connects; with a token as the user that it names. On each connection it subscribes to `channels` anew. */
export const openClient = async (
  url: string,
  {
    token,
    channels = [],
    transports = ["websocket"],
  }: { token?: string; channels?: readonly string[]; transports?: ("polling" | "websocket")[] } = {},
): Promise<Client> => {
  const heard: { event: string; data: unknown }[] = [];
  let mine: z.infer<typeof session> | undefined;
  let losses = 0;
  const socket = io(url, {
    transports,
    forceNew: true,
    reconnectionDelay: 100,
    reconnectionDelayMax: 500,
    auth: (give) => give({ token: token ?? mine?.token }),
  });
  socket.onAny((event: string, data: unknown) => {
    heard.push({ event, data });
    if (event === "session") mine ??= session.safeParse(data).data;
  });
  const ask = (event: string, ...args: unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      socket.timeout(30_000).emit(event, ...args, (error: Error | null, data: unknown) => {
        if (error !== null) return reject(error);
        heard.push({ event: "ack", data });
        resolve(data);
      });
    });
  let subscribed = 0;
  const subscribe = () => {
    subscribed = 0;
    for (const channel of channels)
      ask("subscribe", { channel }).then(
        (ack) => void (has(ack, { ok: true }) && subscribed++),
        () => {},
      );
  };
  socket.on("connect", subscribe);
  socket.on("disconnect", () => losses++);
  const of: Client["of"] = (event, fields = {}) =>
    heard.filter((it) => it.event === event && has(it.data, fields)).map(({ data }) => data);
  const client: Client = {
    socket,
    of,
    order: (id) =>
      heard
        .filter(({ event, data }) => (event === "ack" || event.startsWith("job:")) && has(data, { id }))
        .map(({ event }) => event),
    ask,
    losses: () => losses,
    session: () =>
      eventually(() => {
        if (mine === undefined) throw new Error("no session was given");
        return mine;
      }, PATIENCE),
    hear: (event, fields = {}) =>
      eventually(() => {
        const [first] = of(event, fields);
        if (first !== undefined) return first;
        throw new Error(`${event} ${JSON.stringify(fields)} was not heard`);
      }, PATIENCE),
    [Symbol.dispose]: () => void socket.disconnect(),
  };
  await eventually(() => {
    if (!socket.connected || subscribed < channels.length) throw new Error(`not connected to ${url}`);
  }, PATIENCE).catch((error: unknown) => {
    socket.disconnect();
    throw error;
  });
  return client;
};
