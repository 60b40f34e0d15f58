import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { eventually } from "#testing";
import { z } from "zod";
import type { Program } from "./kinds.ts";

/**
 * What a driver tells, a JSON line each; `as` is the socket's name. Binary is `{"$binary": "<base64>"}` here and in commands.
 * `refused` is a CONNECT_ERROR with data; `recovered` is said by clients that know connection state recovery. A driver answers every event that asks for an ack with the event's own arguments.
 */
const told = z.discriminatedUnion("what", [
  z.object({ as: z.string(), what: z.literal("connect"), recovered: z.boolean().optional() }),
  z.object({ as: z.string(), what: z.literal("disconnect") }),
  z.object({ as: z.string(), what: z.literal("refused"), data: z.unknown() }),
  z.object({ as: z.string(), what: z.literal("event"), event: z.string(), args: z.array(z.unknown()) }),
  z.object({ as: z.string(), what: z.literal("ack"), n: z.number(), args: z.array(z.unknown()) }),
]);
type Told = z.infer<typeof told>;

export type Transports = readonly ("polling" | "websocket")[];

/** How a socket is opened; `joining` are further namespaces over the same connection. */
export interface Opening {
  transports?: Transports;
  auth?: Record<string, string>;
  joining?: readonly { as: string; namespace: string }[];
}

/** A socket of a client that nobody here wrote, in a process of its own. */
export interface ClientSocket {
  emit(event: string, ...args: unknown[]): void;
  /** Resolves with the ack's arguments. */
  ask(event: string, ...args: unknown[]): Promise<unknown[]>;
  /** Resolves once it has connected so many times. */
  connected(times?: number): Promise<void>;
  /** At each connect so far, whether it was recovered; undefined from clients that do not know. */
  recovered(): (boolean | undefined)[];
  /** Resolves with the data of the CONNECT_ERROR. */
  refused(): Promise<unknown>;
  /** Arguments of the events of that name, in order. */
  events(event: string): unknown[][];
  disconnect(): void;
}

export interface Driver extends AsyncDisposable {
  /** A socket to the namespace that `url` ends in. */
  open(as: string, url: string, opening?: Opening): ClientSocket;
  /** One that another's opening has joined. */
  socket(as: string): ClientSocket;
}

const PATIENCE = { timeoutMs: 30_000 };

/** Starts a driver. Disposed, it is killed. */
export const startDriver = ({ command, args, env = {} }: Program): Driver => {
  const { NODE_OPTIONS: _ofJest, ...inherited } = process.env;
  const child = spawn(command, args, { env: { ...inherited, ...env }, stdio: ["pipe", "pipe", "pipe"] });
  const exited = once(child, "exit");
  const heard: Told[] = [];
  const complaints: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => void heard.push(told.parse(JSON.parse(line))));
  createInterface({ input: child.stderr }).on("line", (line) => void complaints.push(line));
  child.stdin.on("error", () => {});
  const say = (line: object) => void child.stdin.write(`${JSON.stringify(line)}\n`);
  const lastWords = () => `${JSON.stringify(heard.slice(-20))}\n${complaints.slice(-20).join("\n")}`;
  let asked = 0;

  const find = <T>(of: (it: Told) => T | undefined): Promise<T> =>
    eventually(() => {
      for (const it of heard) {
        const found = of(it);
        if (found !== undefined) return found;
      }
      throw new Error(`it was not heard: ${lastWords()}`);
    }, PATIENCE);

  const socket = (as: string): ClientSocket => ({
    emit: (event, ...args) => say({ do: "emit", as, event, args }),
    ask: (event, ...args) => {
      const n = (asked += 1);
      say({ do: "ask", as, event, args, n });
      return find((it) => (it.what === "ack" && it.n === n ? it.args : undefined));
    },
    connected: (times = 1) =>
      eventually(() => {
        const seen = heard.filter((it) => it.as === as && it.what === "connect").length;
        if (seen < times) throw new Error(`connected ${seen} times: ${lastWords()}`);
      }, PATIENCE),
    recovered: () => heard.flatMap((it) => (it.as === as && it.what === "connect" ? [it.recovered] : [])),
    refused: () =>
      find((it) => (it.as === as && it.what === "refused" ? { data: it.data } : undefined)).then((it) => it.data),
    events: (event) =>
      heard.flatMap((it) => (it.as === as && it.what === "event" && it.event === event ? [it.args] : [])),
    disconnect: () => say({ do: "disconnect", as }),
  });

  return {
    socket,
    open: (as, url, { transports = ["websocket"], auth, joining } = {}) => {
      say({ do: "connect", as, url, transports, auth, joining });
      return socket(as);
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
};
