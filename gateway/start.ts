import { once } from "node:events";
import type { Delivery, Membership } from "#adapter";
import type { Broker } from "#broker";
import { channelOfRoom, channelRoom, REVOCATIONS_TOPIC, userRoom, type LiveConfig, type Revocation } from "#crds";
import type { Log, Watched } from "#process";
import type { Evicted, Held, Store } from "#store";
import type { Registry } from "prom-client";
import type { Socket } from "socket.io";
import { loadApp } from "./app.ts";
import { startSweep } from "./auth/sweep.ts";
import { createTokens } from "./auth/tokens.ts";
import { createAdmission, refuseRevoked } from "./connections/admit.ts";
import type { Connection, Connections } from "./connections/connection.ts";
import { createEventHandler, listenTo } from "./connections/events.ts";
import { fullBucket } from "./connections/rate.ts";
import { followChannels, watchRoom } from "./connections/rooms.ts";
import type { GatewayContext, GatewaySettings } from "./context.ts";
import { drain } from "./drain.ts";
import { registerGauges } from "./gauges.ts";
import { createPresenceFeed } from "./lifecycle/presence-feed.ts";
import { startReaper } from "./lifecycle/reaper.ts";
import { createTeller } from "./lifecycle/teller.ts";
import { createListener } from "./listener.ts";
import { countHandshakes, createRefusals, endOf } from "./refusals.ts";
import { createRemember, quietly } from "./remember.ts";
import { createAnswers } from "./reserved/index.ts";
import { createAckGate } from "./routing/ack-gate.ts";
import { newJobId } from "./routing/job-ids.ts";
import { createRequests } from "./routing/requests.ts";
import { compileRoutes } from "./routing/routes.ts";
import { createTake } from "./routing/take.ts";

/** What a gateway stands on; opened and closed by the caller. */
export interface GatewayParts {
  cluster: string;
  node: string;
  instance: string;
  settings: GatewaySettings;
  delivery: Delivery;
  broker: () => Broker | undefined;
  store: Store;
  membership: Membership;
  config: Watched<LiveConfig>;
  sessionKey: () => string;
  jwtSecret?: (() => string) | undefined;
  log: Log;
  registry: Registry;
  clock?: () => number;
}

/** A gateway that takes clients. Disposing drains it: sessions are closed at their pace, what is under way ends, then all is closed. */
export interface RunningGateway extends AsyncDisposable {
  readonly context: GatewayContext;
  /** Of the clients. */
  readonly port: number;
  /** Takes no new sessions from now on. */
  refuseSessions(): void;
}

/** Brings up the clients' port. Rejects where it is taken, or the bus cannot be subscribed to. */
export const startGateway = async (
  parts: GatewayParts,
  { host, port }: { host: string; port: number },
): Promise<RunningGateway> => {
  const { cluster, node, settings, delivery, broker, store, membership, config, log, registry } = parts;
  const { clock = Date.now } = parts;
  const { bus } = delivery;
  await using stack = new AsyncDisposableStack();
  const connections: Connections = new Map();
  const refusals = createRefusals(registry);
  let draining = false;

  const app = settings.app === undefined ? undefined : await loadApp(settings.app);
  const listener = createListener(settings, app?.options ?? {}, () => draining);
  const { io, server } = listener;
  const gate = createAckGate();
  delivery.attach(io, gate);
  await delivery.ready();
  const namespace = io.of("/");
  const channels = followChannels(io, connections);

  let routes = compileRoutes(config.current().pools);
  stack.use(config.onChange(({ pools }) => void (routes = compileRoutes(pools))));
  const route = (event: string) => routes(event);

  const requests = stack.use(await createRequests({ bus, node, log, clock }));
  const { limits } = settings;
  const { take, submit } = createTake({
    route,
    broker,
    ids: store.ids,
    requests,
    gate,
    node,
    payloadBytes: limits.payloadBytes,
    clock,
    log,
    registry,
  });
  const teller = stack.use(createTeller({ submit, route, log, registry }));

  const moved = (channel: string, user: string, joined: boolean) =>
    void io.to(watchRoom(channel)).emit(joined ? "presence:join" : "presence:leave", { channel, user });
  const occupied = (channel: string, is: boolean) =>
    teller.tell({ event: is ? "$occupied" : "$vacated", payload: { channel, at: clock() } });
  const gone = (socket: string, user: string, reason: string) =>
    teller.tell({
      event: "$disconnected",
      payload: { user, socket, at: clock(), reason },
      user,
      id: `$disconnected:${socket}`,
    });

  const held = (connection: Connection): Held => ({
    socket: connection.socket.id,
    user: connection.identity.user,
    channels: [...connection.socket.rooms].map(channelOfRoom).filter((channel) => channel !== undefined),
  });
  const presence = stack.use(
    createPresenceFeed({
      presence: store.presence,
      connected: () => store.connected(),
      node,
      local: () => [...connections.values()].map(held),
      isLocal: (socket, channel) =>
        connections.has(socket) &&
        (channel === undefined || namespace.adapter.socketRooms(socket)?.has(channelRoom(channel)) === true),
      events: { moved, occupied },
      log,
      registry,
    }),
  );
  stack.use(store.onLost(() => void presence.mend(true)));
  const ending = new Set<string>();
  stack.use(
    channels.onMember((socket, channel, joined) => {
      const connection = connections.get(socket);
      if (connection !== undefined && !ending.has(socket))
        presence.move(socket, connection.identity.user, channel, joined);
    }),
  );

  const evicted = ({ sockets, left }: Evicted) => {
    for (const { socket, user } of sockets) gone(socket, user, "the gateway is gone");
    for (const { channel, user, lastOfChannel } of left) {
      moved(channel, user, false);
      if (lastOfChannel) occupied(channel, false);
    }
  };
  stack.use(
    startReaper({
      presence: store.presence,
      connected: () => store.connected(),
      membership,
      node,
      onEvicted: evicted,
      mend: () => presence.mend(false),
      clock,
      log,
    }),
  );

  const { auth } = settings;
  const tokens = createTokens({
    cluster,
    auth,
    jwtSecret: parts.jwtSecret,
    sessionKey: parts.sessionKey,
    clock,
  });
  const { middleware, admitted } = createAdmission({
    settings,
    connectionsPerUser: limits.connectionsPerUser,
    tokens,
    revocations: store.revocations,
    presence,
    countsLost: async (user) => {
      const held = await store.presence.connections(user);
      return (await membership.silent([...new Set(held.map((it) => it.node))])).length > 0;
    },
    draining: () => draining,
    refusals,
    log,
  });
  const sweep = stack.use(await startSweep({ bus, connections, refusals, clock, log }));

  const remember = createRemember(store.history, settings.history);
  const answers = settings.reservedEvents
    ? createAnswers({
        io,
        bus,
        store,
        route,
        remember: quietly(remember, log),
        authenticate: async (token) => {
          const identity = await tokens.verify(token);
          await refuseRevoked(store.revocations, identity, auth === undefined);
          return identity;
        },
        roomsPerConnection: limits.roomsPerConnection,
        payloadBytes: limits.payloadBytes,
        clock,
        newId: newJobId,
      })
    : undefined;
  const handle = createEventHandler({
    take,
    route,
    answers,
    refusals,
    eventsPerSecond: limits.eventsPerSecond,
    passOn: app !== undefined,
    clock,
    log,
  });

  const greet = async (socket: Socket, connection: Connection): Promise<void> => {
    const { user, anonymous } = connection.identity;
    if (!anonymous || app !== undefined) return;
    const token = await tokens.sign(connection.identity);
    socket.emit("session", { user, token });
  };

  const connect = (socket: Socket): void => {
    const identity = admitted(socket);
    if (identity === undefined) return void socket.disconnect(true);
    const { id } = socket;
    const { user } = identity;
    const connection: Connection = {
      socket,
      identity,
      bucket: fullBucket(limits.eventsPerSecond ?? 0, clock()),
      rooms: 0,
      subscribed: new Set(),
      owed: 0,
    };
    connections.set(id, connection);
    presence.arrived(id);
    listenTo(socket, (packet, next) => handle(connection, packet, next));
    socket.on("disconnecting", () => ending.add(id));
    let broken: string | undefined;
    if (app === undefined) socket.on("error", () => (broken = "parse error"));
    socket.on("disconnect", (reason, description) => {
      ending.delete(id);
      connections.delete(id);
      refusals.closed(broken ?? endOf(reason, description));
      presence.disconnect(id);
      gone(id, user, reason);
    });
    void socket.join([userRoom(user), ...identity.grants.join.map(channelRoom)]);
    teller.tell({ event: "$connected", payload: { user, socket: id, at: clock() }, user, id: `$connected:${id}` });
    greet(socket, connection).catch((error: unknown) => log.error({ err: error }, "a session could not be signed"));
  };
  io.use(middleware);
  io.on("connection", connect);
  countHandshakes(io.engine, registry);
  registerGauges(registry, {
    connections: () => connections.size,
    local_channels: channels.size,
    acks_owed: gate.size,
    requests_waiting: requests.size,
    presence_underway: presence.size,
  });
  if (app !== undefined) await app.start(io);

  const revoke = async (what: Revocation, ttlSeconds: number) => {
    await store.revocations.revoke(what, ttlSeconds);
    bus.publish(REVOCATIONS_TOPIC, Buffer.from(JSON.stringify(what)));
    sweep.revoke(what);
  };
  const context: GatewayContext = {
    cluster,
    node,
    instance: parts.instance,
    settings,
    io,
    delivery,
    bus,
    broker,
    store,
    membership,
    config,
    log,
    registry,
    refusals,
    clock,
    submit,
    revoke,
    onLocalChannel: channels.onChange,
    hasLocalChannel: channels.has,
    connections: () => connections.size,
    draining: () => draining,
    remember,
  };

  const listening = await listener.listen(host, port);
  stack.defer(async () => {
    draining = true;
    await drain(connections, settings.drain, { clock });
    const closed = once(server, "close");
    void io.close();
    server.closeAllConnections();
    await closed;
  });
  const opened = stack.move();
  return {
    context,
    port: listening,
    refuseSessions: () => void (draining = true),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
};
