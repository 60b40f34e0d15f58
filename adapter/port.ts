import type { Server, Socket } from "socket.io";
import type { Place } from "./log/port.ts";
import type { Marks } from "./recovery/marks.ts";
import type { Standing } from "./recovery/member.ts";

/**
 * Publish/subscribe between processes: at most once, in order per publisher and subscriber, whatever the topics. What a publisher sends over the socket.io adapter of the same `Delivery` arrives in the same order. A publisher hears
 * itself where it is subscribed. A message is a view into a larger buffer: copy what is kept for long; a listener that throws is counted.
 */
export interface Bus {
  /**
   * To several topics: a process that is subscribed to any of them takes it in once, and each listener hears it once. Never throws and
   * never waits; what cannot be sent (the server is away, the bounded buffer is full) is dropped and counted.
   */
  publish(topics: string | readonly string[], message: Uint8Array): void;
  /** Resolves when everything published from now on will reach `listener`; subscribed anew after a reconnect. Topics are literal. */
  subscribe(topic: string, listener: (message: Uint8Array) => void): Promise<Subscription>;
  connected(): boolean;
}

export type Subscription = AsyncDisposable;

/** Where the gateways' links are, this one's too and those that are not ready: a file on a laptop, DNS on Kubernetes. */
export interface Peers {
  /** host:port of each. */
  current(): readonly string[];
  /** Called after each change. */
  onChange(listener: (peers: readonly string[]) => void): Disposable;
  /** Looks now, and resolves when it has looked. Never rejects. */
  refresh(): Promise<void>;
}

/** One process of the cluster as the others see it. */
export interface Member {
  /** Unique per start of a process. */
  node: string;
  instance: string;
  role: "gateway" | "worker";
  pool?: string | undefined;
}

/** Who is there, by heartbeats on the Bus: a member goes by its goodbye or after 15 s of silence while the Bus itself works. */
export interface Membership extends AsyncDisposable {
  readonly self: Member;
  /** `self` too. */
  members(): readonly Member[];
  /** Asks; resolves within 1 s with those of `nodes` that did not answer, none where the Bus is away. */
  silent(nodes: readonly string[]): Promise<string[]>;
  onJoin(listener: (member: Member) => void): Disposable;
  /** `goodbye` is false where the member fell silent. */
  onLeave(listener: (member: Member, goodbye: boolean) => void): Disposable;
}

/** What a worker, a cron script or another service says to clients. Order: as called, with Bus messages of the same process. */
export interface Emitter {
  /** To everyone subscribed to `channel`. */
  to(channel: string): EmitTarget;
  /** To all connections of a user. */
  toUser(user: string): EmitTarget;
  /** To everyone connected. */
  broadcast(): EmitTarget;
  /** Joins (leaves) all of a user's connections to (from) a channel. */
  join(user: string, channel: string): void;
  leave(user: string, channel: string): void;
  /** Closes all of a user's connections. */
  disconnect(user: string): void;
}

export interface EmitTarget {
  /** `args` are socket.io's: JSON values and binary. */
  emit(event: string, ...args: unknown[]): void;
}

/** What travels with an emission for the gateway alone: the job it is about (`jobKey`), so that the sender's ack goes first. */
export interface EmitContext {
  job?: string;
}

/** Keeps what is about a job from the socket that sent it until that socket has had its ack. */
export interface JobGate {
  /**
   * Asked for each emission that carries a job. Where its ack is still owed, keeps `deliver` (to be called later with the socket's id)
   * and returns that socket, which the emission then leaves out; else undefined.
   */
  hold(job: string, deliver: (socket: string) => void): string | undefined;
  /** Whether that socket is being given such an ack right now: it goes before all that waits for it. */
  isPaying?(socket: string): boolean;
}

/** What an emission said. */
export type Heard = (event: string, args: unknown[]) => void;

/**
 * Any process hears what is emitted in the main namespace, by gateways and by emitters, this process too: at most once, in order per
 * emitter, with its Bus messages. Not heard: emissions to everyone or to more than 256 rooms, local ones, and those that ask clients for
 * an ack. Resolves when everything emitted from now on will be heard; subscribed anew after a reconnect.
 */
export interface Listener {
  /** What is emitted to everyone subscribed to `channel`. */
  listen(channel: string, heard: Heard): Promise<Subscription>;
  /** What is emitted to all connections of `user`. */
  listenUser(user: string, heard: Heard): Promise<Subscription>;
}

/** A session that somebody comes back to, as its last gateway kept it. */
export interface KeptSession {
  /** The socket's id, and the secret. */
  socket: string;
  pid: string;
  /** A new secret, for where it turns out at the last moment that it cannot come back. */
  spare: string;
  /** How often it was taken over, this time included. */
  turn: number;
  data: unknown;
  /** The node that kept it. */
  node: string;
  kept: Kept;
  /** `Recovery.marks` as it was before the session was taken. */
  marks: Marks;
}

/** Where a socket stood, for `Recovery.resume`: opaque, but for the epoch of the Log that its places are of, and `givenUpTo`. */
export interface Kept extends Standing {
  epoch: string;
  /** The last mark of its node by then, which does not speak for it. */
  marked: number;
}

/** Clients of the main namespace that come back. What is missed by one that is connected (the Log was cut) it is told as `recovery:lost {since}`. */
export interface Recovery {
  /**
   * Lets `socket`, which has not connected yet, come back under `pid`: it is told it, and the place with each event. What it stands on, to
   * be kept before it connects: then nothing that it joins can be forgotten.
   */
  offer(socket: Socket, pid: string): Kept;
  /**
   * Makes `socket` the one of the session, whose former connection is closed wherever it is. False where something that it missed may not be
   * had any more, or it was thrown out: then nothing has changed.
   */
  resume(socket: Socket, session: KeptSession, offset: unknown): boolean;
  /** To be called when it has connected, in the same turn: puts it into its rooms. What it missed follows, then what comes. */
  begin(socket: Socket): void;
  /** Where a connected socket stands. */
  kept(socket: Socket): Kept | undefined;
  /** Told when that has changed but for the place. */
  onChange(listener: (socket: Socket) => void): Disposable;
  /** Told when any gateway has made that socket its own, for the `turn`th time. */
  onTaken(listener: (socket: string, turn: number) => void): Disposable;
  /** Where all that are connected stand, or further. */
  place(): Place;
  /** What the nodes have marked, as far as this one has read it: to be asked for before a session is taken. */
  marks(): Marks;
  /** Says in the Log that all sessions of this node are kept as of `place`. */
  mark(place: Place): void;
}

/** The delivery plane as one process holds it: one connection to publish, one to receive, so that order holds across bus and emissions. */
export interface Delivery extends AsyncDisposable {
  readonly bus: Bus;
  readonly listener: Listener;
  emitter(context?: EmitContext): Emitter;
  /**
   * Resolves when all that is emitted to these rooms of the main namespace from now on reaches this process, as if a socket here had joined
   * them; that holds for some seconds. At the latest after a second, and at once while the Bus is away. Never rejects.
   */
  expect(rooms: readonly string[]): Promise<void>;
  /** Joins `io` with the other gateways: sets its socket.io adapter. Once, before the first namespace is used. */
  attach(io: Server, gate?: JobGate): void;
  /** Where recovery is on, for a process that has attached. */
  readonly recovery?: Recovery | undefined;
  /**
   * Resolves when all that this process has emitted so far is on its way for good: at once, and with recovery when the Log has it. Rejects
   * with the Refusal `delivery_unavailable` where that is not known.
   */
  confirmed(): Promise<void>;
  /** Resolves when what others emit to the namespaces attached so far reaches this process: await it before the first client. */
  ready(): Promise<void>;
}
