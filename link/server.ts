import { randomUUID } from "node:crypto";
import type { Registry } from "prom-client";
import { Context, Router } from "zeromq";
import { counter, gauge, type Log } from "#process";
import { keepDoor } from "./doorkeeper.ts";
import { decode, eachMessage, encodeControl, type Batch, type Control, type Frames } from "./frames.ts";
import { lineKeys, z85 } from "./keys.ts";
import { createOutbox, type Outbox, type OutboxLimits } from "./outbox.ts";
import type { HubService, HubSocket } from "./port.ts";
import { createSender, type Sender } from "./sender.ts";
import { MAX_BODY_BYTES, MAX_MESSAGE_BYTES, TIMING, type Timing } from "./timing.ts";

export interface HubOptions extends OutboxLimits {
  host: string;
  /** 0: any free one. */
  port: number;
  services: Record<string, (socket: HubSocket) => HubService>;
  /** The secret that its lines show; absent: anyone who reaches the port is let in, in plain text. */
  key?: string | undefined;
  log: Log;
  registry: Registry;
  timing?: Partial<Timing>;
}

const WARN_EVERY_MS = 60_000;

interface Peer {
  name: string;
  node: string;
  line: string;
  routing: string;
  serviceName: string;
  service: HubService;
  outbox: Outbox;
  sender: Sender;
  heard: number;
  gone: boolean;
}

/** Binds the hub's one socket and hands its messages to the services. Rejects where the port cannot be had. */
export const serveHub = async (options: HubOptions): Promise<HubSocket> => {
  const { host, port, services, log, registry } = options;
  const timing = { ...TIMING, ...options.timing };
  const epoch = randomUUID();
  const dropped = counter(registry, {
    name: "realtime_hub_dropped_total",
    help: "Messages that the hub dropped: foreign bytes, a line it does not know, an unknown service, a slow peer, a service that threw.",
    labelNames: ["reason"],
  });
  const lines = gauge(registry, {
    name: "realtime_hub_lines",
    help: "Lines that are up.",
    labelNames: ["service"],
  });
  const refused = counter(registry, {
    name: "realtime_hub_refused_total",
    help: "Connections that ended in their handshake. key: with another key than the hub's; protocol: no ZeroMQ, or keyed for another hub; other: closed by the other end, such as one that has no key.",
    labelNames: ["reason"],
  });
  const keys = options.key === undefined ? undefined : lineKeys(options.key);
  const context = new Context();
  const door = keys && (await keepDoor(context, (publicKey) => z85(publicKey) === keys.client.publicKey));
  const router = new Router({
    context,
    ...(keys && { curveServer: true, curveSecretKey: keys.server.secretKey, zapDomain: "hub" }),
    mandatory: true,
    // A send is over at once: the windows bound what lies in the socket, and to a peer that is gone it fails.
    sendHighWaterMark: 0,
    sendTimeout: 0,
    linger: 200,
    maxMessageSize: MAX_MESSAGE_BYTES,
    heartbeatInterval: Math.ceil(timing.connection / 3),
    heartbeatTimeout: timing.connection,
    heartbeatTimeToLive: timing.connection,
  });
  const byName = new Map<string, Peer>();
  const byRouting = new Map<string, Peer>();
  const byLine = new Map<string, Peer>();
  let count = 0;
  let closed = false;

  const write = (routing: Buffer, frames: Frames): Promise<void> => router.send([routing, ...frames]);

  const guarded = (act: () => void) => {
    try {
      act();
    } catch (error) {
      dropped.inc({ reason: "threw" });
      log.error({ err: error }, "a service of the hub threw");
    }
  };
  const forget = (peer: Peer, why: string) => {
    if (peer.gone) return;
    peer.gone = true;
    byName.delete(peer.name);
    byRouting.delete(peer.routing);
    if (byLine.get(peer.line) === peer) byLine.delete(peer.line);
    lines.dec({ service: peer.serviceName });
    log.info({ node: peer.node, service: peer.serviceName, why }, "line is gone");
    guarded(() => peer.service.onGone?.(peer.name));
  };

  const greet = (
    id: Buffer,
    routing: string,
    { service: serviceName, node, line }: Extract<Control, ["hello", unknown]>[1],
  ) => {
    const service = Object.hasOwn(running, serviceName) ? running[serviceName] : undefined;
    if (service === undefined) {
      dropped.inc({ reason: "unknown_service" });
      return log.warn({ service: serviceName, node }, "hello for a service that the hub does not have");
    }
    const before = byRouting.get(routing) ?? byLine.get(line);
    if (before !== undefined) forget(before, "said hello again");
    count += 1;
    const outbox = createOutbox(options);
    const sender = createSender(
      outbox,
      (frames) => write(id, frames),
      () => forget(peer, "connection closed"),
    );
    const peer: Peer = {
      name: `${node}#${count}`,
      node,
      line,
      routing,
      serviceName,
      service,
      outbox,
      sender,
      heard: performance.now(),
      gone: false,
    };
    byName.set(peer.name, peer);
    byRouting.set(routing, peer);
    byLine.set(line, peer);
    lines.inc({ service: serviceName });
    log.info({ node, service: serviceName }, "line is up");
    sender.say(encodeControl(["welcome", { v: 1, epoch }]));
    guarded(() => service.onHello?.(peer.name, node));
  };

  const takeBatch = (peer: Peer, batch: Batch) => {
    if (peer.outbox.received(batch)) peer.sender.say(peer.outbox.heartbeat());
    else if (peer.outbox.waiting().messages > 0) peer.sender.wake();
    eachMessage(batch, (header, body) => guarded(() => peer.service.onMessage(peer.name, header, body)));
  };
  const take = (id: Buffer, frames: readonly Buffer[]) => {
    const routing = id.toString("latin1");
    const said = decode(frames);
    const peer = byRouting.get(routing);
    if (said === undefined) return dropped.inc({ reason: "foreign" });
    if (peer !== undefined) peer.heard = performance.now();
    if ("control" in said) {
      if (said.control[0] === "hello") return greet(id, routing, said.control[1]);
      if (said.control[0] === "bye" && peer !== undefined) return forget(peer, "goodbye");
      return;
    }
    if (peer !== undefined) return takeBatch(peer, said.batch);
    dropped.inc({ reason: "unknown_line" }, said.batch.items.length / 2);
    void write(id, encodeControl(["unknown"])).catch(() => {});
  };

  let warnedAt = Number.NEGATIVE_INFINITY;
  const watch = async () => {
    while (!router.closed) {
      const { type } = await router.events.receive();
      if (!type.startsWith("handshake:error")) continue;
      const reason =
        type === "handshake:error:auth" ? "key" : type === "handshake:error:protocol" ? "protocol" : "other";
      refused.inc({ reason });
      if (performance.now() - warnedAt < WARN_EVERY_MS) continue;
      warnedAt = performance.now();
      log.warn({ reason }, "a connection was refused: has it the key of this hub?");
    }
  };
  watch().catch(() => {});

  await router.bind(`tcp://${host}:${port === 0 ? "*" : port}`);
  const socket: HubSocket = {
    port: Number(router.lastEndpoint?.split(":").at(-1)),
    epoch,
    send: (name, header, body) => {
      const peer = byName.get(name);
      if (peer !== undefined && (body?.length ?? 0) <= MAX_BODY_BYTES && peer.outbox.push(header, body)) {
        peer.sender.wake();
        return true;
      }
      dropped.inc({ reason: peer === undefined ? "gone" : "slow" });
      return false;
    },
    [Symbol.asyncDispose]: async () => {
      if (closed) return;
      clearInterval(beat);
      const peers = [...byName.values()];
      for (const peer of peers) peer.sender.say(encodeControl(["bye"]));
      await Promise.all(peers.map((peer) => peer.sender.idle()));
      closed = true;
      router.close();
      door?.[Symbol.dispose]();
      await received;
      for (const peer of peers) forget(peer, "the hub stops");
    },
  };
  const running = Object.fromEntries(Object.entries(services).map(([name, start]) => [name, start(socket)]));

  let lastBeat = performance.now();
  const beat = setInterval(() => {
    const now = performance.now();
    const stoodStill = now - lastBeat > 3 * timing.beat;
    lastBeat = now;
    for (const peer of byName.values()) {
      if (stoodStill) peer.heard = now;
      if (now - peer.heard > timing.clientSilent) forget(peer, "silent");
      // Also where something was written just now: only a write tells that the connection is gone.
      else peer.sender.say(peer.outbox.heartbeat());
    }
  }, timing.beat);

  const receive = async () => {
    try {
      for await (const [id, ...frames] of router) if (id !== undefined) take(id, frames);
    } catch (error) {
      if (!closed) log.fatal({ err: error }, "the hub's socket failed");
    }
  };
  const received = receive();
  return socket;
};
