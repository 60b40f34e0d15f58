import { randomBytes } from "node:crypto";
import type { Namespace, Server, Socket } from "socket.io";
import { channelRoom, userRoom } from "#crds";
import { listeners, type Log as Logger } from "#process";
import type { Registry } from "prom-client";
import { busDelivery, emitterWire, type BusDeliveryOptions } from "../bus-delivery.ts";
import { SENDER_BYTES } from "../cluster-message.ts";
import { createEmitter } from "../emitter.ts";
import { decodeFrames } from "../frames.ts";
import type { LogLimits, OpenLog, Place } from "../log/port.ts";
import type { Bus, Delivery, Heard, JobGate, Listener, Recovery, Subscription } from "../port.ts";
import { LogAdapter } from "./log-adapter.ts";
import { completeUpTo } from "./marks.ts";
import { hasUpTo } from "./member.ts";
import { parseOffset } from "./offset.ts";
import { orderedBus } from "./ordered-bus.ts";
import { insides } from "./outgoing.ts";
import { createPlane, type Plane } from "./plane.ts";

const MAIN = "/";
/** A process that only listens needs no tail. */
const NO_TAIL: LogLimits = { maxMessages: 1, maxBytes: 1 };

const planeListener = (plane: Plane): Listener => {
  const hear = async (room: string, heard: Heard): Promise<Subscription> => {
    await plane.start("newest");
    const added = plane.add({
      land: ({ nsp, message }) => {
        if (nsp !== MAIN || message.kind !== "broadcast" || message.asker !== undefined) return;
        if (!message.to.rooms.has(room)) return;
        const [event, ...args] = decodeFrames(message.frames);
        heard(String(event), args);
      },
      landedAll: () => {},
      cut: () => {},
    });
    return { [Symbol.asyncDispose]: async () => added[Symbol.dispose]() };
  };
  return {
    listen: (channel, heard) => hear(channelRoom(channel), heard),
    listenUser: (user, heard) => hear(userRoom(user), heard),
  };
};

const ownMarks = (plane: Plane, node: string) => {
  let said: Place = { epoch: "", index: 0 };
  return {
    last: () => (said.epoch === plane.place().epoch ? said.index : 0),
    say: (place: Place) => {
      if (place.epoch !== plane.place().epoch) return;
      said = place;
      plane.say({ kind: "mark", node, upTo: place.index });
    },
  };
};

const recoveryOf = (
  plane: Plane,
  main: () => LogAdapter | undefined,
  own: ReturnType<typeof ownMarks>,
  changed: ChangedSockets,
): Recovery => ({
  offer: (socket, pid) => {
    insides(socket).pid = pid;
    const { epoch, index } = plane.place();
    return {
      epoch,
      start: Infinity,
      known: 0,
      marked: own.last(),
      asOf: index,
      rooms: [[socket.id, index]],
      left: [],
      givenUpTo: index,
      given: [],
    };
  },
  resume: (socket, { socket: id, pid, spare, turn, data, node: keeper, kept, marks }, offset) => {
    const adapter = main();
    if (adapter === undefined || kept.epoch !== plane.place().epoch) return false;
    const given = parseOffset(offset);
    const start = Math.min(kept.start, kept.asOf);
    const heardUpTo = hasUpTo(given?.epoch === kept.epoch ? Math.max(given.index, start) : start, kept);
    const standing = { ...kept, asOf: completeUpTo(kept, keeper, marks) };
    if (!adapter.arrivals.covers(standing, heardUpTo) || adapter.arrivals.wasThrownOut(socket, standing)) return false;
    adapter.arrivals.closeFormer(id, turn);
    plane.say({ kind: "taken", socket: id, turn });
    const it = insides(socket);
    const { _preConnectSockets: connecting } = it.nsp;
    connecting.delete(socket.id);
    connecting.set(id, socket);
    Object.assign(socket, { id, pid, data, recovered: true });
    adapter.arrivals.resume(socket, { standing, heardUpTo, turn, spare });
    return true;
  },
  begin: (socket) => main()?.begin(socket.id),
  kept: ({ id }) => {
    const { epoch } = plane.place();
    const standing = main()?.arrivals.standing(id);
    return standing === undefined ? undefined : { epoch, marked: own.last(), ...standing };
  },
  onChange: changed.add,
  onTaken: (listener) =>
    plane.add({
      land: ({ message }) => {
        if (message.kind === "taken") listener(message.socket, message.turn);
      },
      landedAll: () => {},
      cut: () => {},
    }),
  place: () => {
    const { epoch, index } = plane.place();
    return { epoch, index: main()?.arrivals.movedUpTo() ?? index };
  },
  marks: () => plane.marks(),
  mark: own.say,
});
type ChangedSockets = ReturnType<typeof listeners<[Socket]>>;

export interface LogDeliveryOptions extends BusDeliveryOptions {
  limits: LogLimits;
  registry: Registry;
  log: Logger;
  /** Opens the Log: of a gateway, which keeps its tail, or of another process. */
  openedLog: OpenLog;
}

/** The delivery plane over a Log and a Bus; disposing it closes the Log and leaves the Bus open. */
export const logDelivery = (bus: Bus, options: LogDeliveryOptions): Delivery => {
  const { openedLog, registry, log, node } = options;
  const limits = { ...NO_TAIL };
  const sender = randomBytes(SENDER_BYTES);
  const plane = createPlane({ openedLog, limits, sender, log, registry });
  const changed = listeners<[Socket]>();
  const wire = emitterWire((message) => void plane.say({ nsp: MAIN, message }));
  let main: LogAdapter | undefined;
  let started: Promise<void> | undefined;
  const ordered = orderedBus(bus, plane);
  const base = busDelivery(ordered, {
    ...options,
    createAdapter: (nsp: Namespace, context) => {
      const isMain = nsp.name === MAIN;
      const adapter = new LogAdapter(nsp, context, plane, isMain ? changed.call : undefined);
      if (isMain) main = adapter;
      return adapter;
    },
  });
  return {
    ...base,
    bus: ordered,
    emitter: (context) => createEmitter(wire, context),
    listener: planeListener(plane),
    recovery: recoveryOf(plane, () => main, ownMarks(plane, node), changed),
    attach: (io: Server, gate?: JobGate) => {
      Object.assign(limits, options.limits);
      base.attach(io, gate);
      started = plane.start("oldest");
      started.catch(() => {});
    },
    confirmed: async () => void (await plane.confirmed()),
    ready: async () => {
      await Promise.all([base.ready(), started]);
    },
    [Symbol.asyncDispose]: async () => {
      await base[Symbol.asyncDispose]();
      await plane[Symbol.asyncDispose]();
    },
  };
};
