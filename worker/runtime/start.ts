import { joinMembership, openDelivery } from "#adapter";
import { openBroker, type Consumption } from "#broker";
import type { WorkerEnvironment } from "#crds";
import { keepTrying, settingsOf, type Driver, type ProcessContext } from "#process";
import { answerReports, createCancels, createMetrics, createRunner, hearCancels, stopRunning } from "#runner";
import { createLedgerWriter, openStore } from "#store";
import { loadHandlers, provideSdk } from "./load.ts";

/** Builds a worker: handlers, servers, and last the jobs. What is started is on `stack`, so that jobs stop before what they need. */
export const startWorker = async ({
  env,
  log: processLog,
  registry,
  node,
  stack,
  readiness,
  stopping,
}: ProcessContext<WorkerEnvironment>): Promise<Record<string, number>> => {
  const pool = env.POOL;
  const log = processLog.child({ pool: pool.name });
  provideSdk();
  const handlerOf = await loadHandlers(env.HANDLERS, pool);

  const common = { cluster: env.CLUSTER, node, log, registry };
  const open = (driver: Driver) => ({ ...common, settings: settingsOf(driver, env) });
  const [brokerOptions, storeOptions, adapterOptions] = [open(env.BROKER), open(env.STORE), open(env.ADAPTER)];
  const waiting = { log, readiness };
  const [broker, store, delivery] = await Promise.all([
    keepTrying(`the broker, ${env.BROKER}`, () => openBroker(env.BROKER, brokerOptions), waiting),
    keepTrying(`the store, ${env.STORE}`, () => openStore(env.STORE, storeOptions), waiting),
    keepTrying(
      `the adapter, ${env.ADAPTER}`,
      () => openDelivery(env.ADAPTER, { ...adapterOptions, recovery: env.RECOVERY }),
      waiting,
    ),
  ]);
  for (const it of [broker, store, delivery]) stack.use(it);
  const { bus } = delivery;
  readiness(() => (broker.connected() ? undefined : "the broker does not answer"));
  readiness(() => (bus.connected() ? undefined : "the adapter does not answer"));

  const ledgerWriter = stack.use(createLedgerWriter({ ledger: store.ledger, log, registry, flushMs: 10 }));
  const cancels = createCancels({ connected: () => bus.connected() });
  const runner = createRunner({
    pool,
    node,
    handlerOf,
    bus,
    emitter: (context) => delivery.emitter(context),
    ledger: store.ledger,
    record: (entry) => ledgerWriter.record(entry),
    cancels,
    metrics: createMetrics(pool.name, registry),
    log,
  });
  stack.use(await hearCancels(bus, cancels, runner));
  let consumption: Consumption | undefined;
  const report = () => ({
    ...runner.report(),
    waiting: consumption?.waiting() ?? 0,
    blocked: consumption?.blocked() ?? 0,
    ...(stopping() ? { stopping: true as const } : {}),
  });
  stack.use(await answerReports(bus, () => [report()], log));
  stack.use(await joinMembership(bus, { node, instance: env.INSTANCE, role: "worker", pool: pool.name }, { log }));

  await keepTrying("the pool's queue at the broker", () => broker.declare([pool]), waiting);
  const consuming = (consumption = await broker.consume(pool, (job) => runner.run(job)));
  stack.defer(() => stopRunning(consuming, runner, { graceMs: env.GRACE_SECONDS * 1000, log }));
  return {};
};
