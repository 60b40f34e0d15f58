import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Namespace, Server } from "socket.io";
import { z } from "zod";
import { channelRoom, userRoom } from "#crds";
import type { Log } from "#process";
import { createAddressing, type Addressing } from "./addressing.ts";
import { awaitSubscription } from "./await-subscription.ts";
import { BusAdapter, type NodeContext } from "./bus-adapter.ts";
import {
  answerTopic,
  decodeAnswer,
  decodeMessage,
  encodeMessage,
  NODES_TOPIC,
  roomTopic,
  SENDER_BYTES,
  type RoomMessage,
} from "./cluster-message.ts";
import { createEmitter, type EmitterWire } from "./emitter.ts";
import { decodeFrames, encodeEvent } from "./frames.ts";
import type { DeliveryOptions } from "./index.ts";
import { startHeartbeats, type Heartbeats, type HeartbeatTiming } from "./heartbeats.ts";
import type { Bus, Delivery, Heard, JobGate, Listener, Subscription } from "./port.ts";
import { keepWhileJoined } from "./keep-while-joined.ts";
import { createQuestions } from "./questions.ts";

const MAIN = "/";
export const LINGER_MS = 5000;
export const EXPECT_MS = 1000;
const namespaces = z.object({ namespaces: z.array(z.string()) });
type Served = z.infer<typeof namespaces>;

/** Says what an emitter says as gateways' own adapters do. */
export const emitterWire = (say: (message: RoomMessage) => void): EmitterWire => {
  const to = (room: string) => ({ rooms: new Set([room]) });
  return {
    emit: (room, data, flags) =>
      say({
        kind: "broadcast",
        to: { rooms: new Set(room === undefined ? [] : [room]), flags },
        frames: encodeEvent(MAIN, data),
      }),
    join: (room, joined) => say({ kind: "join", to: to(room), rooms: [joined] }),
    leave: (room, left) => say({ kind: "leave", to: to(room), rooms: [left] }),
    disconnect: (room) => say({ kind: "disconnect", to: to(room), close: true }),
  };
};

const busEmitterWire = (bus: Bus, sender: Uint8Array, addressing: Addressing): EmitterWire =>
  emitterWire((message) => {
    bus.publish(addressing.topics(MAIN, message.to.rooms), encodeMessage(sender, message));
    if (message.kind === "join") addressing.joined(MAIN, message.rooms);
  });

const busListener = (bus: Bus): Listener => {
  const hear = (room: string, heard: Heard): Promise<Subscription> =>
    bus.subscribe(roomTopic(MAIN, room), (bytes) => {
      const message = decodeMessage(bytes, MAIN);
      if (message.kind !== "broadcast" || message.asker !== undefined || !message.to.rooms.has(room)) return;
      const [event, ...args] = decodeFrames(message.frames);
      heard(String(event), args);
    });
  return {
    listen: (channel, heard) => hear(channelRoom(channel), heard),
    listenUser: (user, heard) => hear(userRoom(user), heard),
  };
};

/** What makes a process a gateway among gateways: who else serves which namespace, and where answers arrive. */
export const joinGateways = async (
  bus: Bus,
  options: { node: string; served: () => Served; log: Log; timing: HeartbeatTiming },
  { answered, gone }: { answered: (bytes: Uint8Array) => void; gone: (node: string, goodbye: boolean) => void },
): Promise<Heartbeats<Served> & AsyncDisposable> => {
  const { node, served, log, timing } = options;
  const answers = await bus.subscribe(answerTopic(node), answered);
  const beats = await startHeartbeats({
    ...timing,
    bus,
    topic: NODES_TOPIC,
    node,
    schema: namespaces,
    about: served,
    log,
  });
  beats.onLeave((other, _served, goodbye) => gone(other, goodbye));
  return {
    ...beats,
    [Symbol.asyncDispose]: async () => {
      await beats[Symbol.asyncDispose]();
      await answers[Symbol.asyncDispose]();
    },
  };
};

export interface BusDeliveryOptions extends Pick<DeliveryOptions, "node" | "log" | "timing" | "lingerMs"> {
  /** Makes the adapter of a namespace. Default: a BusAdapter. */
  createAdapter?: (nsp: Namespace, context: NodeContext) => BusAdapter;
}

/** The delivery plane over any Bus; disposing it leaves the Bus open. */
export const busDelivery = (
  bus: Bus,
  {
    node,
    log,
    timing = {},
    lingerMs = LINGER_MS,
    createAdapter = (nsp, context) => new BusAdapter(nsp, context),
  }: BusDeliveryOptions,
): Delivery => {
  const sender = randomBytes(SENDER_BYTES);
  const addressing = createAddressing();
  const emitting = busEmitterWire(bus, randomBytes(SENDER_BYTES), addressing);
  const questions = createQuestions();
  const serving = new Map<BusAdapter, Subscription>();
  const pending = new Set<Promise<void>>();
  let beats: (Heartbeats<Served> & AsyncDisposable) | undefined;
  let disposed = false;

  const announce = () => beats?.announce();
  const track = (work: Promise<void>): Promise<void> => {
    pending.add(work);
    work.then(
      () => pending.delete(work),
      (error: unknown) => {
        pending.delete(work);
        log.warn({ err: error }, "a namespace is not connected with the other gateways");
      },
    );
    return work;
  };
  const serve = async (adapter: BusAdapter): Promise<void> => {
    let closed = false;
    adapter.close = async () => {
      closed = true;
      const subscription = serving.get(adapter);
      if (!serving.delete(adapter)) return;
      announce();
      await subscription?.[Symbol.asyncDispose]();
    };
    const subscription = await adapter.subscribe();
    if (closed) return subscription[Symbol.asyncDispose]();
    serving.set(adapter, subscription);
    announce();
  };
  const attach = (io: Server, gate?: JobGate) => {
    const context: NodeContext = {
      bus,
      node,
      sender,
      questions,
      addressing,
      lingerMs,
      unanswered: (error) => log.warn({ err: error }, "a question of another gateway cannot be answered"),
      gate,
      others: (nsp) =>
        (beats?.others() ?? []).flatMap(([other, served]) => (served.namespaces.includes(nsp) ? [other] : [])),
    };
    io.adapter(function (nsp: Namespace) {
      const adapter = createAdapter(nsp, context);
      awaitSubscription(nsp, track(serve(adapter)));
      return adapter;
    });
    keepWhileJoined(io);
    const join = joinGateways(
      bus,
      { node, served: () => ({ namespaces: [...serving.keys()].map(({ nsp }) => String(nsp.name)) }), log, timing },
      {
        answered: (bytes) => questions.take(decodeAnswer(bytes)),
        gone: (other, goodbye) => questions.gone(other, goodbye),
      },
    );
    void track(join.then((joined) => (disposed ? joined[Symbol.asyncDispose]() : void (beats = joined))));
  };
  return {
    bus,
    listener: busListener(bus),
    emitter: (context) => createEmitter(emitting, context),
    attach,
    expect: async (rooms) => {
      const main = [...serving.keys()].find(({ nsp }) => nsp.name === MAIN);
      const bound = main?.expect(rooms);
      if (bound !== undefined) await Promise.race([bound, sleep(EXPECT_MS, undefined, { ref: false })]);
    },
    confirmed: async () => {},
    ready: async () => {
      await Promise.all(pending);
    },
    [Symbol.asyncDispose]: async () => {
      disposed = true;
      await beats?.[Symbol.asyncDispose]();
      await Promise.all([...serving.values()].map((subscription) => subscription[Symbol.asyncDispose]()));
    },
  };
};
