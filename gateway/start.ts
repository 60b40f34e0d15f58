import { once } from "node:events";
import type { Delivery, Membership } from "#adapter";
import type { Broker } from "#broker";
import { drainPlan, REVOCATIONS_TOPIC, type LiveConfig, type Revocation } from "#crds";
import type { Log, Watched } from "#process";
import { createLedgerWriter, type Store } from "#store";
import type { Registry } from "prom-client";
import { loadApp } from "./app.ts";
import { startSweep } from "./auth/sweep.ts";
import { createTokens } from "./auth/tokens.ts";
import { createAdmission, refuseRevoked } from "./connections/admit.ts";
import type { Connection, Connections } from "./connections/connection.ts";
import { createEventHandler } from "./connections/events.ts";
import { followChannels } from "./connections/rooms.ts";
import { createWelcome } from "./connections/welcome.ts";
import type { GatewayContext, GatewaySettings } from "./context.ts";
import { createLeaving, openBudget, otherSessions } from "./drain/index.ts";
import { openForwarding, trustProxies, type Carried, type ForwardingOptions } from "./forward/index.ts";
import { registerGauges } from "./gauges.ts";
import { openLifecycle } from "./lifecycle/open-lifecycle.ts";
import { createListener } from "./listener.ts";
import { createSessionKeeper } from "./recovery/sessions.ts";
import { countHandshakes, createRefusals } from "./refusals.ts";
import { createRemember, quietly } from "./remember.ts";
import { createAnswers } from "./reserved/index.ts";
import { createAckGate } from "./routing/ack-gate.ts";
import { newJobId } from "./routing/job-ids.ts";
import { createQueued, withQueued } from "./routing/queued.ts";
import { createRequests } from "./routing/requests.ts";
import { compileRoutes } from "./routing/routes.ts";
import { createTake } from "./routing/take.ts";
import { createShedding } from "./shed.ts";
import { createIntake } from "./signals/index.ts";

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
  /** Where the other gateways are, and the port for what they pass on; absent: each answers for its own sessions alone. */
  links?: Pick<ForwardingOptions, "peers" | "keys" | "port"> | undefined;
  log: Log;
  registry: Registry;
  clock?: () => number;
}

/** A gateway that takes clients. Disposing drains it, where that has not happened yet, then closes all. */
export interface RunningGateway extends AsyncDisposable {
  readonly context: GatewayContext;
  /** Of the clients. */
  readonly port: number;
  /** Of the links. */
  readonly linkPort?: number;
  /** Sends all clients to other gateways, within the grace; at once when `hurry` is aborted. Safe to repeat: the first call counts. */
  drain(hurry?: AbortSignal): Promise<void>;
}

/** Brings up the clients' port. Rejects where it is taken, or the bus cannot be subscribed to. */
export const startGateway = async (
  parts: GatewayParts,
  { host, port }: { host: string; port: number },
): Promise<RunningGateway> => {
  const { cluster, node, settings, delivery, broker, membership, config, log, registry } = parts;
  const { clock = Date.now } = parts;
  const { bus } = delivery;
  await using stack = new AsyncDisposableStack();
  const connections: Connections = new Map();
  const refusals = createRefusals(registry);
  const plan = drainPlan(settings.drain);
  const leaving = createLeaving({ plan, log, registry });
  const shedding = stack.use(createShedding<Connection | Carried>({ draining: leaving.asked, log, registry }));

  const app = settings.app === undefined ? undefined : await loadApp(settings.app);
  const listener = createListener(settings, app?.options ?? {}, { ...leaving, shedding: shedding.isOn });
  const { io, server } = listener;
  const gate = createAckGate();
  const writer = stack.use(createLedgerWriter({ ledger: parts.store.ledger, log, registry }));
  const queued = stack.use(createQueued((entry) => writer.record(entry)));
  const store = { ...parts.store, ledger: withQueued(parts.store.ledger, queued) };
  delivery.attach(io, {
    hold: (job, deliver) => {
      queued.heard(job);
      return gate.hold(job, deliver);
    },
    isPaying: (socket) => gate.isPaying(socket),
  });
  await delivery.ready();
  const channels = followChannels(io, connections);

  const takers = ({ pools }: LiveConfig) => compileRoutes(pools.filter(({ leaving }) => leaving !== true));
  let routes = takers(config.current());
  stack.use(config.onChange((next) => void (routes = takers(next))));
  const route = (event: string) => routes(event);

  const requests = stack.use(await createRequests({ bus, node, log, clock }));
  const { limits } = settings;
  const intake = createIntake(clock);
  const { take, submit } = createTake({
    route,
    broker,
    ids: store.ids,
    requests,
    gate,
    queued,
    intake,
    node,
    payloadBytes: limits.payloadBytes,
    clock,
    log,
    registry,
  });
  const lifecycle = stack.use(
    openLifecycle({ io, connections, channels, store, membership, node, submit, route, clock, log, registry }),
  );
  const { presence } = lifecycle;
  const budget = stack.use(await openBudget({ bus, membership, perSecond: plan.perSecond }));

  const { auth } = settings;
  const tokens = createTokens({
    cluster,
    auth,
    jwtSecret: parts.jwtSecret,
    sessionKey: parts.sessionKey,
    clock,
  });
  const { recovery } = delivery;
  const sessions =
    recovery === undefined || settings.recovery === undefined
      ? undefined
      : stack.use(
          createSessionKeeper({
            recovery,
            store: store.sessions,
            refuseRevoked: (identity) => refuseRevoked(store.revocations, identity, auth === undefined),
            onLost: (listener) => store.onLost(listener),
            node,
            windowSeconds: settings.recovery.windowSeconds,
            maxMessages: settings.recovery.maxMessages,
            clock,
            log,
            registry,
          }),
        );
  const { middleware, admitted } = createAdmission({
    sessions,
    settings,
    connectionsPerUser: limits.connectionsPerUser,
    tokens,
    revocations: store.revocations,
    presence,
    expect: (rooms) => delivery.expect(rooms),
    countsLost: async (user) => {
      const held = await store.presence.connections(user);
      return (await membership.silent([...new Set(held.map((it) => it.node))])).length > 0;
    },
    draining: leaving.refusing,
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
        confirmed: () => delivery.confirmed(),
        sweep,
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

  const welcome = createWelcome({
    connections,
    admitted,
    sessions,
    handle,
    lifecycle,
    tokens,
    sweep,
    eventsPerSecond: limits.eventsPerSecond,
    ownApp: app !== undefined,
    refusals,
    clock,
    log,
  });
  io.use(middleware);
  io.on("connection", welcome);
  countHandshakes(io.engine, registry);
  trustProxies(io.engine, settings.trustedProxies);
  if (app !== undefined) await app.start(io);
  const { links } = parts;
  const forwarding =
    links === undefined
      ? undefined
      : stack.use(
          await openForwarding({ ...links, engine: io.engine, host, draining: leaving.refusing, log, registry }),
        );
  const carried = () => forwarding?.sockets.size ?? 0;
  const recoverable = () =>
    sessions === undefined
      ? []
      : [
          ...[...connections.values()].filter(({ socket }) => sessions.holds(socket)),
          ...[...(forwarding?.sockets ?? [])].filter(({ recovers }) => recovers),
        ];
  const userOf = (it: Connection | Carried) => ("identity" in it ? it.identity.user : undefined);
  registerGauges(registry, {
    connections: () => connections.size,
    gateway_carried_connections: carried,
    gateway_carried_requests: () => forwarding?.requests() ?? 0,
    local_channels: channels.size,
    acks_owed: gate.size,
    queued_unrecorded: queued.size,
    requests_waiting: requests.size,
    presence_underway: presence.size,
  });

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
    intake,
    connections: () => connections.size,
    carried,
    recoverable: () => recoverable().length,
    shedTotal: shedding.total,
    shed: (order) => shedding.begin(order, { open: recoverable, userOf, budget }),
    draining: leaving.asked,
    budget,
    remember,
  };

  const others = otherSessions(io.engine);
  const clients = {
    budget,
    open: () => [...connections.values(), ...others(connections.values()), ...(forwarding?.sockets ?? [])],
    underway: () => forwarding?.requests() ?? 0,
  };
  const listening = await listener.listen(host, port);
  stack.defer(async () => {
    await leaving.go(clients);
    for (const socket of forwarding?.sockets ?? []) socket.cut();
    const closed = once(server, "close");
    void io.close();
    server.closeAllConnections();
    await closed;
  });
  const opened = stack.move();
  return {
    context,
    port: listening,
    ...(forwarding === undefined ? {} : { linkPort: forwarding.port }),
    drain: (hurry) => leaving.go(clients, hurry),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
};
