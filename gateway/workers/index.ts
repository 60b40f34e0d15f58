import type { Server as HttpServer } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { ERRORS, Refusal, WORKERS_NAMESPACE, type Pool } from "#crds";
import { measured, type Watched } from "#process";
import { answerReports, createCancels, createMetrics, createRunner, hearCancels, type WorkerMetrics } from "#runner";
import { createLedgerWriter } from "#store";
import { Server, type ServerOptions, type Socket } from "socket.io";
import { refusalOf } from "../api/refuse.ts";
import type { GatewayContext } from "../context.ts";
import { admit, type Admission } from "./admit.ts";
import type { Keys } from "./keys.ts";
import { createRemoteWorker, type RemoteWorker } from "./remote-worker.ts";
import { runsOn } from "./runs.ts";

/** What remote workers need of their gateway. */
export type WorkersContext = Pick<
  GatewayContext,
  "node" | "settings" | "delivery" | "bus" | "broker" | "store" | "config" | "log" | "registry" | "refusals"
>;

/** A hand is a channel of RabbitMQ's, of which a connection has 2,047. */
const MOST_HANDS = 1000;
const RESULT_BYTES = 10_000_000;
/** Of the drain's grace, the part in which workers may end what they have in hand. */
const SHARE = 0.8;

/** Sessions that are polled need to find their gateway again, which nothing sees to on this port. */
const allow =
  (leaving: () => boolean): NonNullable<ServerOptions["allowRequest"]> =>
  ({ url = "" }, decide) => {
    if (leaving()) decide("draining", false);
    else if (/[?&]transport=websocket(&|$)/.test(url)) decide(null, true);
    else decide('workers connect by WebSocket: transports: ["websocket"]', false);
  };

/**
 * Serves workers that are socket.io clients on the API's server, as their hand at the broker. Disposing sends them elsewhere, each when what it
 * has in hand has ended or the drain's grace is nearly over. Rejects where the bus cannot be subscribed to.
 */
export const serveWorkers = async (
  context: WorkersContext,
  server: HttpServer,
  keys: Watched<Keys>,
): Promise<AsyncDisposable> => {
  const { settings, delivery, bus, broker, store, config, registry, refusals } = context;
  const log = context.log.child({ part: "workers" });
  const graceMs = settings.drain.graceSeconds * 1000 * SHARE;
  await using opening = new AsyncDisposableStack();
  const workers = new Map<Socket, RemoteWorker>();
  let leaving = false;
  measured(
    registry,
    "realtime_remote_workers",
    "Workers that are socket.io clients of this gateway",
    () => workers.size,
  );

  const ledgerWriter = opening.use(createLedgerWriter({ ledger: store.ledger, log, registry, flushMs: 10 }));
  const cancels = createCancels({ connected: () => bus.connected() });
  const cancel = (key: string) => {
    for (const worker of workers.values()) worker.cancel(key);
  };
  opening.use(await hearCancels(bus, cancels, { cancel }));
  opening.use(await answerReports(bus, () => [...workers.values()].flatMap((worker) => worker.reports()), log));

  const metrics = new Map<string, WorkerMetrics>();
  const metricsOf = (pool: string): WorkerMetrics => {
    const known = metrics.get(pool) ?? createMetrics(pool, registry);
    metrics.set(pool, known);
    return known;
  };

  const io = new Server(server, {
    serveClient: false,
    maxHttpBufferSize: RESULT_BYTES,
    allowRequest: allow(() => leaving),
  });
  const admissions = new WeakMap<Socket, Admission>();
  const judge = (auth: unknown) => {
    const at = broker();
    if (at === undefined) throw new Refusal("broker_unavailable");
    return admit(auth, { keys: keys.current(), pools: config.current().pools, ...at.promises });
  };
  const refuse = ({ conn }: Socket, error: unknown): Error => {
    const refusal = refusalOf(error);
    const { code } = refusal;
    refusals.count(code, ERRORS[code].passing ? "close" : "connect");
    if (ERRORS[code].passing) conn.close();
    return Object.assign(new Error(refusal.message), { data: refusal.body().error });
  };
  io.use((socket, next) => next(refuse(socket, new Refusal("not_found", `workers connect to ${WORKERS_NAMESPACE}`))));
  const namespace = io.of(WORKERS_NAMESPACE);
  namespace.use((socket, next) => {
    try {
      if (leaving) throw new Refusal("draining");
      const hands = [...workers.values()].reduce((sum, { admission }) => sum + admission.pools.length, 0);
      if (hands >= MOST_HANDS) throw new Refusal("workers_full");
      admissions.set(socket, judge(socket.handshake.auth));
      next();
    } catch (error) {
      next(refuse(socket, error));
    }
  });

  const welcome = async (socket: Socket, admission: Admission) => {
    const { name } = admission;
    const about = { worker: name, pools: admission.pools.map((pool) => pool.name) };
    const at = broker();
    if (at === undefined) return socket.conn.close();
    const worker = createRemoteWorker({
      admission,
      broker: at,
      handlerFor: runsOn(socket, ({ code }, acked) => refusals.count(code, acked ? "ack" : "event")),
      runnerFor: (pool, node, handler) =>
        createRunner({
          pool,
          node,
          handlerOf: () => handler,
          bus,
          emitter: (emitContext) => delivery.emitter(emitContext),
          ledger: store.ledger,
          record: (entry) => ledgerWriter.record(entry),
          cancels,
          metrics: metricsOf(pool.name),
          log: log.child({ pool: pool.name, worker: node }),
        }),
      log,
    });
    workers.set(socket, worker);
    socket.on("stop", (ack: unknown) => {
      void worker.stop().then(() => (typeof ack === "function" ? ack({ ok: true }) : undefined));
    });
    socket.on("disconnect", (reason) => {
      log.info(
        { ...about, reason, inHand: worker.reports().flatMap(({ inHand }) => inHand).length },
        "a worker is gone",
      );
      void worker.lose().finally(() => workers.delete(socket));
    });
    try {
      await worker.start();
      log.info(about, "a worker takes jobs");
    } catch (error) {
      log.warn({ ...about, err: error }, "a worker cannot be given jobs yet: it is sent away to try again");
      socket.conn.close();
    }
  };
  namespace.on("connection", (socket: Socket) => {
    const admission = admissions.get(socket);
    if (admission !== undefined) void welcome(socket, admission);
  });

  /** Sends a worker away, to come back by itself, after what it has in hand. */
  const sendAway = async (socket: Socket, worker: RemoteWorker, withinMs: number) => {
    await worker.leave(withinMs);
    socket.conn.close();
  };
  const current = (pool: Pool) => config.current().pools.find(({ name }) => name === pool.name);
  opening.use(
    config.onChange(() => {
      for (const [socket, worker] of workers)
        for (const pool of worker.admission.pools)
          if (!isDeepStrictEqual(pool, current(pool))) void sendAway(socket, worker, pool.timeoutSeconds * 1000);
    }),
  );
  opening.use(
    keys.onChange(() => {
      for (const [socket, { admission }] of workers) {
        try {
          judge({ ...admission, pools: admission.pools.map(({ name }) => name) });
        } catch {
          socket.conn.close();
        }
      }
    }),
  );
  opening.defer(async () => {
    leaving = true;
    await Promise.all([...workers].map(([socket, worker]) => sendAway(socket, worker, graceMs)));
    io.engine.close();
  });
  const opened = opening.move();
  return { [Symbol.asyncDispose]: () => opened.disposeAsync() };
};
