import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Registry } from "prom-client";
import { Server, type Socket } from "socket.io";
import { z } from "zod";
import { replyTopic } from "#crds";
import { silentLog } from "#process";
import { openDelivery } from "../index.ts";
import { joinMembership } from "../membership.ts";
import type { LogLimits } from "../log/port.ts";
import type { JobGate, Member } from "../port.ts";

/** A gateway as small as can be, for the suite: plain socket.io with an attached delivery, told over IPC what to do. */

const env = z
  .object({
    DRIVER: z.enum(["redis", "zeromq", "rabbitmq", "mongo"]),
    URI: z.string(),
    CLUSTER: z.string(),
    NODE: z.string(),
    SILENT_MS: z.coerce.number(),
    LINGER_MS: z.coerce.number(),
    RECOVERY: z
      .string()
      .optional()
      .transform((text): LogLimits | undefined => (text === undefined ? undefined : JSON.parse(text))),
  })
  .parse(process.env);

const command = z.object({
  id: z.number(),
  do: z.string(),
  nsp: z.string().default("/"),
  rooms: z.array(z.string()).default([]),
  except: z.array(z.string()).default([]),
  flags: z.array(z.enum(["local", "volatile"])).default([]),
  event: z.string().default("event"),
  args: z.array(z.unknown()).default([]),
  binary: z.array(z.number()).optional(),
  joined: z.string().default(""),
  name: z.string().default(""),
  count: z.number().default(0),
  timeoutMs: z.number().default(5000),
});
type Command = z.infer<typeof command>;

const registry = new Registry();
const delivery = await openDelivery(env.DRIVER, {
  cluster: env.CLUSTER,
  node: env.NODE,
  settings: async () => ({ uri: env.URI }),
  log: silentLog(),
  registry,
  lingerMs: env.LINGER_MS,
  timing: { everyMs: env.SILENT_MS / 5, silentMs: env.SILENT_MS },
  recovery: env.RECOVERY,
});
const http = createServer();
const io = new Server(http, { transports: ["websocket"], cleanupEmptyChildNamespaces: true });
const held = new Map<string, { socket: string; deliver: ((socket: string) => void)[] }>();
let paying: string | undefined;
const gate: JobGate = {
  isPaying: (socket) => socket === paying,
  hold: (job, deliver) => {
    const owed = held.get(job);
    owed?.deliver.push(deliver);
    return owed?.socket;
  },
};
delivery.attach(io, gate);

const serverSide: unknown[] = [];
const left: { node: string; goodbye: boolean }[] = [];
io.on("server-side", (...args: unknown[]) => {
  const answer = args.at(-1);
  if (typeof answer === "function") answer(env.NODE);
  else serverSide.push(args.map((arg) => (arg instanceof Uint8Array ? [...arg] : arg)));
});
io.on("die", (node: string, answer: (value: string) => void) => {
  if (node === env.NODE) process.kill(process.pid, "SIGKILL");
  answer(env.NODE);
});
const auth = z.object({ name: z.string(), rooms: z.array(z.string()), waits: z.boolean().default(false) });
let waiting: (() => void)[] = [];
io.use((socket, next) => void delivery.expect(auth.parse(socket.handshake.auth).rooms).then(() => next()));
const onConnection = (socket: Socket) => {
  const { name, rooms } = auth.parse(socket.handshake.auth);
  socket.data = { name };
  void socket.join(rooms);
};
io.on("connection", onConnection);
io.of("/static").on("connection", onConnection);
io.of(/^\/dynamic/)
  .use((socket, next) => {
    if (auth.parse(socket.handshake.auth).waits) waiting.push(() => next());
    else next();
  })
  .on("connection", onConnection);
const socketOf = ({ nsp, name }: Command): Socket => {
  const found = [...io.of(nsp).sockets.values()].find((socket) => socket.data.name === name);
  if (found === undefined) throw new Error(`${name} is not here`);
  return found;
};

const membership = await joinMembership(
  delivery.bus,
  { node: env.NODE, instance: env.NODE, role: "gateway" } satisfies Member,
  { log: silentLog(), everyMs: 300, silentMs: env.SILENT_MS },
);
membership.onLeave(({ node }, goodbye) => left.push({ node, goodbye }));

const target = ({ nsp, rooms, except, flags, timeoutMs }: Command) => {
  const base = io.of(nsp).to(rooms).except(except).timeout(timeoutMs);
  const local = flags.includes("local") ? base.local : base;
  return flags.includes("volatile") ? local.volatile : local;
};
const actions: Record<string, (it: Command) => unknown> = {
  emit: (it) =>
    io
      .of(it.nsp)
      .to(it.rooms)
      .except(it.except)
      .emit(it.event, ...it.args, ...(it.binary === undefined ? [] : [Buffer.from(it.binary)])),
  emitFlagged: (it) => {
    const { local, volatile } = { local: it.flags.includes("local"), volatile: it.flags.includes("volatile") };
    const to = io.of(it.nsp).to(it.rooms);
    return (local ? to.local : volatile ? to.volatile : to).emit(it.event, ...it.args);
  },
  emitMany: (it) => {
    for (let index = 0; index < it.count; index += 1) io.to(it.rooms).emit(it.event, index);
  },
  emitLarge: (it) => io.to(it.rooms).emit(it.event, Buffer.alloc(it.count, 7), "x".repeat(it.count / 5)),
  joinHere: (it) => socketOf(it).join(it.joined),
  leaveHere: (it) => socketOf(it).leave(it.joined),
  here: (it) => io.of(it.nsp).sockets.size,
  waiting: () => waiting.length,
  letIn: () => {
    for (const next of waiting) next();
    waiting = [];
  },
  ask: (it) => target(it).emitWithAck(it.event, ...it.args),
  askPartially: (it) =>
    new Promise((resolve) =>
      target(it).emit(it.event, ...it.args, (error: Error | null, responses: unknown[]) =>
        resolve({ error: error?.message, responses }),
      ),
    ),
  fetch: async (it) =>
    (await target(it).fetchSockets()).map(({ data, rooms }) => ({ name: data.name, rooms: [...rooms] })),
  fetchPartially: (it) =>
    target(it)
      .fetchSockets()
      .then(
        () => ({}),
        (error: Error & { missing?: string[]; responses?: { data: { name: string } }[] }) => ({
          error: error.message,
          missing: error.missing,
          names: error.responses?.map(({ data }) => data.name),
        }),
      ),
  join: (it) => target(it).socketsJoin(it.joined),
  leave: (it) => target(it).socketsLeave(it.joined),
  joinAndTell: (it) => {
    target(it).socketsJoin(it.joined);
    io.of(it.nsp).to(it.joined).emit("told", 1);
    io.of(it.nsp).to(it.joined).socketsLeave(it.joined);
    io.of(it.nsp).to(it.joined).emit("told", 2);
  },
  disconnect: (it) => target(it).disconnectSockets(true),
  serverSideEmit: (it) =>
    void io.serverSideEmit("server-side", ...it.args, ...(it.binary === undefined ? [] : [Buffer.from(it.binary)])),
  serverSideAskPartially: (it) =>
    io.serverSideEmitWithAck(it.event, ...it.args).then(
      (responses) => ({ responses }),
      (error: Error & { missing?: string[]; responses: unknown[] }) => ({
        error: error.message,
        missing: error.missing,
        responses: error.responses,
      }),
    ),
  serverSideAsk: () => io.serverSideEmitWithAck("server-side"),
  serverSideHeard: () => serverSide,
  nodes: (it) => io.of(it.nsp).adapter.serverCount(),
  interleave: (it) => {
    for (let index = 0; index < it.count; index += 1) {
      io.to(it.rooms).emit(it.event, index);
      delivery.bus.publish(replyTopic("interleaved"), Buffer.from(String(index)));
    }
  },
  burst: (it) => {
    for (let index = 0; index < it.count; index += 1) io.to(it.rooms).emit(it.event, ...it.args);
  },
  hold: (it) => {
    const socket = [...(io.sockets.adapter.rooms.get(it.joined) ?? [])][0];
    if (socket !== undefined) held.set(it.event, { socket, deliver: [] });
  },
  release: (it) => {
    const owed = held.get(it.event);
    held.delete(it.event);
    if (owed === undefined) return 0;
    paying = owed.socket;
    io.sockets.sockets.get(owed.socket)?.emit("ack", it.event);
    paying = undefined;
    for (const deliver of owed.deliver) deliver(owed.socket);
    return owed.deliver.length;
  },
  members: () => membership.members().map(({ node }) => node),
  left: () => left,
  leaveCluster: () => membership[Symbol.asyncDispose](),
  metrics: () => registry.metrics(),
  connected: () => delivery.bus.connected(),
  cpu: () => process.cpuUsage(),
  ready: () => delivery.ready(),
};

process.on("message", (message) => {
  const it = command.parse(message);
  Promise.try(() => actions[it.do]?.(it)).then(
    (result) => process.send?.({ id: it.id, result }),
    (error: unknown) => process.send?.({ id: it.id, error: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
await delivery.ready();
http.listen(0, "127.0.0.1");
await once(http, "listening");
process.send?.({ ready: (http.address() as AddressInfo).port });
