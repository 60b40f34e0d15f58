import { io, type Socket } from "socket.io-client";
import { z } from "zod";
import { waitFor } from "./wait-for.ts";

const session = z.object({ user: z.string(), token: z.string() });

const taken = z.object({ ok: z.literal(true), id: z.string(), durable: z.boolean().optional() });

/** A browser's end: a connection that comes back by itself as the same user, and remembers what it heard. */
export interface Client extends Disposable {
  socket: Socket;
  /** The user that the first connection was given. */
  user(): Promise<string>;
  /** Emits and resolves with the ack; rejects after 30 s without one. */
  ask(event: string, ...args: unknown[]): Promise<unknown>;
  /** Data of the events of this name that have the given fields. */
  of(event: string, fields?: Record<string, unknown>): unknown[];
  /** Resolves with the first event of this name that has the given fields, heard already or to come. */
  hear(event: string, fields?: Record<string, unknown>, timeoutMs?: number): Promise<unknown>;
  /** Says something in the room; resolves with the id of the job once it is taken. */
  say(text: string, channel?: string): Promise<string>;
  /** Has a job done: says something, hears it back and hears that it is done; resolves with its id. */
  job(timeoutMs?: number): Promise<string>;
  /** How often the connection was lost. */
  losses(): number;
}

const has = (data: unknown, fields: Record<string, unknown>): boolean =>
  typeof data === "object" &&
  data !== null &&
  Object.entries(fields).every(([key, value]) => key in data && Reflect.get(data, key) === value);

export interface ClientOptions {
  /** Subscribed to on each connection anew. */
  channels?: readonly string[];
  /** Of an API that needs one: the JWT. */
  token?: string;
  transports?: string[];
}

/** Connects, and resolves once it is subscribed. */
export const openClient = async (
  url: string,
  { channels = ["lobby"], token, transports = ["websocket"] }: ClientOptions = {},
): Promise<Client> => {
  const heard: { event: string; data: unknown }[] = [];
  let mine: z.infer<typeof session> | undefined;
  let losses = 0;
  const socket = io(url, {
    transports,
    forceNew: true,
    reconnectionDelay: 100,
    reconnectionDelayMax: 1000,
    auth: (give) => give({ token: token ?? mine?.token }),
  });
  socket.onAny((event: string, data: unknown) => {
    heard.push({ event, data });
    if (event === "session") mine ??= session.safeParse(data).data;
  });
  const ask: Client["ask"] = (event, ...args) => socket.timeout(30_000).emitWithAck(event, ...args);
  let subscribed = 0;
  socket.on("connect", () => {
    subscribed = 0;
    for (const channel of channels)
      ask("subscribe", { channel }).then(
        (ack) => void (has(ack, { ok: true }) && subscribed++),
        () => {},
      );
  });
  socket.on("disconnect", () => losses++);
  const of: Client["of"] = (event, fields = {}) =>
    heard.filter((it) => it.event === event && has(it.data, fields)).map(({ data }) => data);
  const hear: Client["hear"] = (event, fields = {}, timeoutMs = 60_000) =>
    waitFor(
      () => {
        const [first] = of(event, fields);
        if (first === undefined) throw new Error(`${event} ${JSON.stringify(fields)} was not heard`);
        return first;
      },
      { timeoutMs, everyMs: 20 },
    );
  const say: Client["say"] = async (text, channel = "lobby") =>
    taken.parse(await ask("chat:message", { channel, text })).id;
  const client: Client = {
    socket,
    of,
    hear,
    ask,
    say,
    user: () =>
      waitFor(() => {
        if (mine === undefined) throw new Error("no session was given");
        return mine.user;
      }),
    job: async (timeoutMs = 60_000) => {
      const id = await waitFor(() => say("a job"), { timeoutMs });
      await hear("job:done", { id }, timeoutMs);
      return id;
    },
    losses: () => losses,
    [Symbol.dispose]: () => void socket.disconnect(),
  };
  await waitFor(
    () => {
      if (!socket.connected || subscribed < channels.length) throw new Error(`not connected to ${url}`);
    },
    { everyMs: 50 },
  ).catch((error: unknown) => {
    socket.disconnect();
    throw error;
  });
  return client;
};
