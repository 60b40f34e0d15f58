import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { SignJWT } from "jose";
import { io as connect, type Socket } from "socket.io-client";
import { spawnNode, type NodeProcess } from "#testing";

const GATEWAY = fileURLToPath(new URL("./recovering.ts", import.meta.url));
const SECRET = "the users' secret of tests, long enough";

export interface RecoveringGateway extends AsyncDisposable {
  port: number;
  process: NodeProcess;
  ask(action: string, details?: Record<string, unknown>): Promise<unknown>;
}

/** A client that a test cuts and sends elsewhere. */
export interface RovingClient extends Disposable {
  socket: Socket;
  /** Events in order, without the place behind each; `["(connected)", recovered]` at each connect. */
  heard: unknown[][];
  /** Its offset as the client keeps it. */
  offset(): unknown;
  /** Ends the connection without a word; it comes back by itself, to `port` if given. */
  cut(port?: number): void;
  /** What came behind the last connect. */
  sinceConnect(): unknown[][];
  connects(): number;
}

export interface RecoveryCluster extends AsyncDisposable {
  name: string;
  gateway(more?: Record<string, string>): Promise<RecoveringGateway>;
}

const PLACE = /^[\w-]{1,16}\.[0-9a-z]{1,11}$/;

/** Without the argument that the gateway adds. */
export const withoutPlace = (args: unknown[]): unknown[] =>
  typeof args.at(-1) === "string" && PLACE.test(String(args.at(-1))) ? args.slice(0, -1) : args;

/** A token of `user`, signed with the tests' secret. */
export const tokenOf = (user: string, claims: Record<string, unknown> = {}): Promise<string> =>
  new SignJWT({ channels: { read: ["*"], write: ["*"], join: [] }, events: [], ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(user)
    .setIssuedAt(typeof claims["iat"] === "number" ? claims["iat"] : undefined)
    .sign(Buffer.from(SECRET));

/** What is shown at each connect. */
export type Auth = Record<string, unknown> | ((give: (auth: object) => void) => void);

/** Connects, and resolves when that has happened the first time. */
export const rove = async (
  port: number,
  auth: Auth = {},
  options: Record<string, unknown> = {},
): Promise<RovingClient> => {
  const socket = connect(`http://127.0.0.1:${port}`, {
    transports: ["websocket"],
    forceNew: true,
    reconnectionDelay: 5,
    reconnectionDelayMax: 50,
    auth,
    ...options,
  });
  const heard: unknown[][] = [];
  let connects = 0;
  let last = 0;
  socket.on("connect", () => {
    connects += 1;
    // Missed events may be there before it.
    heard.push(["(connected)", socket.recovered]);
    last = heard.length;
  });
  socket.onAny((...event: unknown[]) => heard.push(withoutPlace(event)));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  return {
    socket,
    heard,
    offset: () => Reflect.get(socket, "_lastOffset"),
    cut: (to) => {
      if (to !== undefined) Reflect.set(socket.io, "uri", `http://127.0.0.1:${to}`);
      const transport: unknown = Reflect.get(socket.io.engine, "transport");
      const ws: unknown = Reflect.get(Object(transport), "ws");
      Reflect.get(Object(ws), "terminate").call(ws);
    },
    sinceConnect: () => heard.slice(last),
    connects: () => connects,
    [Symbol.dispose]: () => void socket.disconnect(),
  };
};

const startGateway = async (env: Record<string, string>): Promise<RecoveringGateway> => {
  const child = spawnNode(GATEWAY, env);
  let last = 0;
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const ready = Promise.withResolvers<number>();
  child.child.on("message", (message: { ready?: number; id?: number; result?: unknown; error?: string }) => {
    if (message.ready !== undefined) return ready.resolve(message.ready);
    const asked = waiting.get(message.id ?? -1);
    waiting.delete(message.id ?? -1);
    if (message.error === undefined) asked?.resolve(message.result);
    else asked?.reject(new Error(message.error));
  });
  void child.exited.then(() => {
    const gone = new Error(`the gateway is gone: ${child.lines.join("\n")}`);
    ready.reject(gone);
    for (const { reject } of waiting.values()) reject(gone);
  });
  const port = await ready.promise;
  return {
    port,
    process: child,
    ask: (action, details = {}) => {
      last += 1;
      const answer = Promise.withResolvers<unknown>();
      waiting.set(last, answer);
      child.send({ ...details, id: last, do: action });
      return answer.promise;
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
};

export interface RecoveryOptions {
  windowSeconds?: number;
  maxMessages?: number;
  maxBytes?: number;
  /** spec.gateway beside recovery. */
  gateway?: Record<string, unknown>;
}

/** Gateways of one cluster as processes, with recovery on. */
export const recoveryCluster = (
  driver: "redis" | "zeromq" | "rabbitmq",
  uri: string,
  { windowSeconds = 60, maxMessages = 20_000, maxBytes = 64 << 20, gateway = {} }: RecoveryOptions = {},
): RecoveryCluster => {
  const stack = new AsyncDisposableStack();
  const name = `recovery-${randomBytes(4).toString("hex")}`;
  return {
    name,
    gateway: async (more = {}) =>
      stack.use(
        await startGateway({
          DRIVER: driver,
          URI: uri,
          CLUSTER: name,
          SESSION_KEY: "the session key of tests, long enough",
          JWT_SECRET: SECRET,
          GATEWAY: JSON.stringify({ recovery: { windowSeconds }, ...gateway }),
          LIMITS: JSON.stringify({ maxMessages, maxBytes }),
          ...more,
        }),
      ),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};
