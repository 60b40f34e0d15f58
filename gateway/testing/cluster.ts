import { randomBytes } from "node:crypto";
import { Registry } from "prom-client";
import { io as connect, type Socket } from "socket.io-client";
import { joinMembership, openDelivery, type Delivery, type DeliveryOptions, type Emitter } from "#adapter";
import { openBroker, type Broker } from "#broker";
import { encodeReply, jobKey, replyTopic, type Job, type LiveConfig, type Pool } from "#crds";
import { silentLog, type Watched } from "#process";
import { openStore, type Store } from "#store";
import { sharedServer } from "#testing";
import type { GatewayParts, RunningGateway } from "../start.ts";
import { startGateway } from "../start.ts";
import { openWorkPlane } from "../work-plane.ts";
import { settingsOf } from "./settings.ts";

export const SESSION_KEY = "the session key of tests, long enough";
export const JWT_SECRET = "the users' secret of tests, long enough";

/** A live configuration that a test changes. */
export interface TestConfig extends Watched<LiveConfig> {
  set(pools: readonly Pool[]): void;
}

const settingsAt = (uri: string) => () => Promise.resolve({ uri });

const testConfig = (pools: readonly Pool[]): TestConfig => {
  let value: LiveConfig = { pools: [...pools] };
  const listeners = new Set<(value: LiveConfig) => void>();
  return {
    current: () => value,
    set: (next) => {
      value = { pools: [...next] };
      for (const listener of listeners) listener(value);
    },
    onChange: (listener) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    [Symbol.dispose]: () => listeners.clear(),
  };
};

/** A client that remembers what it heard. */
export interface TestClient extends Disposable {
  socket: Socket;
  heard: [event: string, ...args: unknown[]][];
  /** Emits and resolves with the ack. */
  ask(event: string, ...args: unknown[]): Promise<unknown>;
  /** What came under this name, first arguments only. */
  of(event: string): unknown[];
}

export interface TestGateway {
  gateway: RunningGateway;
  registry: Registry;
  delivery: Delivery;
  store: Store;
  /** A websocket client; resolves when it is connected, rejects with the connect_error. */
  client(auth?: Record<string, unknown>, options?: Record<string, unknown>): Promise<TestClient>;
  /** A metric's value, 0 where it was never counted. */
  metric(name: string, labels?: Record<string, string>): Promise<number>;
  stop(): Promise<void>;
}

/** Servers of the test's own, where it takes them away. */
export interface Servers {
  store?: string;
  broker?: string;
}

export interface TestCluster extends AsyncDisposable {
  name: string;
  config: TestConfig;
  gateway(written?: Record<string, unknown>, parts?: Partial<GatewayParts>, servers?: Servers): Promise<TestGateway>;
  /** A worker of `pool`: what `run` gives is the result. */
  worker(pool: Pool, run: (job: Job, emitter: Emitter) => unknown): Promise<void>;
}

const clientOf =
  (port: number) =>
  async (auth: Record<string, unknown> = {}, options: Record<string, unknown> = {}) => {
    const socket = connect(`http://127.0.0.1:${port}`, {
      transports: ["websocket"],
      forceNew: true,
      reconnection: false,
      auth,
      ...options,
    });
    const heard: TestClient["heard"] = [];
    socket.onAny((event: string, ...args: unknown[]) => heard.push([event, ...args]));
    const client: TestClient = {
      socket,
      heard,
      ask: (event, ...args) => socket.timeout(10_000).emitWithAck(event, ...args),
      of: (event) => heard.filter(([name]) => name === event).map(([, first]) => first),
      [Symbol.dispose]: () => void socket.disconnect(),
    };
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("connect_error", (error) => {
        if (options["reconnection"] !== true) socket.disconnect();
        reject(error);
      });
    });
    return client;
  };

/**
 * Gateways and workers in this process over real servers: Redis for deliveries and the store, RabbitMQ for jobs. `recovery` is for all of them;
 * gateways ask for it by their settings.
 */
export const testCluster = (
  pools: readonly Pool[] = [],
  { recovery }: Pick<DeliveryOptions, "recovery"> = {},
): TestCluster => {
  const name = `t${randomBytes(4).toString("hex")}`;
  const stack = new AsyncDisposableStack();
  const config = testConfig(pools);
  const log = silentLog();
  let count = 0;
  const ports = async (instance: string) => {
    const redis = await sharedServer("redis");
    const registry = new Registry();
    const node = `${instance}-${randomBytes(3).toString("hex")}`;
    const common = { cluster: name, node, log, registry, settings: settingsAt(redis.uri) };
    const delivery = await openDelivery("redis", { ...common, prefix: name, recovery });
    return { node, registry, common, delivery };
  };
  const brokerOf = async (
    common: { cluster: string; node: string; registry: Registry },
    own?: string,
  ): Promise<Broker> => {
    const uri = own ?? (await sharedServer("rabbitmq")).uri;
    return openBroker("rabbitmq", { ...common, log, settings: settingsAt(uri) });
  };
  return {
    name,
    config,
    gateway: async (written = {}, parts = {}, servers = {}) => {
      const instance = `gateway-${count++}`;
      const own = stack.use(new AsyncDisposableStack());
      const { node, registry, common, delivery } = await ports(instance);
      own.use(delivery);
      const store = own.use(
        await openStore(
          "redis",
          servers.store === undefined ? common : { ...common, settings: settingsAt(servers.store) },
        ),
      );
      const work = own.use(openWorkPlane({ open: () => brokerOf(common, servers.broker), config, log }));
      const membership = own.use(await joinMembership(delivery.bus, { node, instance, role: "gateway" }, { log }));
      await work.attempted;
      const gateway = own.use(
        await startGateway(
          {
            cluster: name,
            node,
            instance,
            settings: settingsOf(written),
            delivery,
            broker: work.broker,
            store,
            membership,
            config,
            sessionKey: () => SESSION_KEY,
            jwtSecret: () => JWT_SECRET,
            log,
            registry,
            ...parts,
          },
          { host: "127.0.0.1", port: 0 },
        ),
      );
      return {
        gateway,
        registry,
        delivery,
        store,
        client: clientOf(gateway.port),
        metric: async (metric, labels = {}) => {
          const values = (await registry.getSingleMetric(metric)?.get())?.values ?? [];
          return values
            .filter((it) => Object.entries(labels).every(([key, value]) => it.labels[key] === value))
            .reduce((sum, { value }) => sum + value, 0);
        },
        stop: () => own.disposeAsync(),
      };
    },
    worker: async (pool, run) => {
      const { common, delivery } = await ports("worker");
      stack.use(delivery);
      const broker = stack.use(await brokerOf(common));
      await broker.declare([pool]);
      stack.use(
        await broker.consume(pool, async ({ job }) => {
          const key = jobKey(job.user, job.id);
          const emitter = delivery.emitter({ job: key });
          try {
            const result = await run(job, emitter);
            if (job.mode === "request" && job.replyTo !== undefined)
              delivery.bus.publish(replyTopic(job.replyTo), encodeReply({ v: 1, id: job.id, user: job.user, result }));
            if (job.mode === "job" && job.user !== undefined)
              emitter.toUser(job.user).emit("job:done", { id: job.id, result });
            return { kind: "done" };
          } catch (error) {
            const failure = { code: "handler_failed", message: String(error) };
            if (job.replyTo !== undefined)
              delivery.bus.publish(
                replyTopic(job.replyTo),
                encodeReply({ v: 1, id: job.id, user: job.user, error: failure }),
              );
            return { kind: "dead", reason: "failed", error: String(error) };
          }
        }),
      );
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};
