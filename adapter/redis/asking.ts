import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Questions } from "../questions.ts";
import type { Publisher } from "./publisher.ts";
import { encodeRequest, requestChannel, responseChannel } from "./wire.ts";

const response = z.looseObject({
  requestId: z.string(),
  /** Of a gateway of ours; the official adapter says none. */
  node: z.string().optional(),
  sockets: z.array(z.unknown()).optional(),
  data: z.unknown().optional(),
});
export type Response = z.infer<typeof response>;

interface AskOptions {
  timeoutMs: number;
  heard: (response: Response) => void;
}

/** What the gateways of one namespace ask one another, and servers with the official adapter on the same Redis. */
export interface NamespaceAsking {
  /** Publishes the request; resolves with those whose answer is missing: the time is over, or they are gone. Never rejects. */
  ask(request: object, options: AskOptions): Promise<string[]>;
  /** Publishes the request; nobody answers. */
  tell(request: object): void;
  /** Takes in an answer; false: it is to none of these questions. Throws where it cannot be read. */
  answer(channel: string, message: Buffer): boolean;
  /** How many servers there are, this one too. Never rejects. */
  count(): Promise<number>;
}

export interface AskingOptions {
  prefix: string;
  node: string;
  publisher: Publisher;
  questions: Questions;
  /** The other gateways that serve a namespace. */
  others: (nsp: string) => string[];
  /** The channel that only this gateway hears. */
  ownChannel: (node: string) => string;
  /** Redis was away a moment ago: others may not be back yet. */
  isSettling: () => boolean;
}

interface Asked {
  question: number;
  heard: (response: Response) => void;
  strangers: string[];
}

/** How often Redis is asked whether those who have not answered still hear it. */
const LOOK_MS = 500;
const OPEN_BRACE = 0x7b;

/** Says to `of` one namespace who is to answer, and counts who has. */
export const createAsking = ({ prefix, node, publisher, questions, others, ownChannel, isSettling }: AskingOptions) => {
  /** How many connections hear the requests, and who of `nodes` hears nothing any more; undefined where that cannot be known. */
  const look = async (nsp: string, nodes: string[]): Promise<{ hearers: number; gone: string[] } | undefined> => {
    const [hearers = 0, ...hears] =
      (await publisher.subscribers([requestChannel(prefix, nsp), ...nodes.map(ownChannel)])) ?? [];
    return hears.length === nodes.length && hearers > 0
      ? { hearers, gone: nodes.filter((_, index) => hears[index] === 0) }
      : undefined;
  };
  const signature = `{"node":${JSON.stringify(node)},`;
  const responses = `${prefix}-response#`;

  const of = (nsp: string, uid: string): NamespaceAsking => {
    const asked = new Map<string, Asked>();
    const channel = responseChannel(prefix, nsp);
    return {
      ask: async (request, { timeoutMs, heard: answered }) => {
        const nodes = others(nsp);
        let seen: Awaited<ReturnType<typeof look>>;
        try {
          seen = await look(nsp, nodes);
        } catch {
          return nodes;
        }
        const heard = nodes.filter((other) => seen?.gone.includes(other) !== true);
        // Who heard nothing any more before the question is no part of the cluster, and its sockets are gone with it.
        const late = isSettling() ? (seen?.gone ?? []) : [];
        const strangers = Array.from(
          { length: Math.max(0, (seen?.hearers ?? 0) - 1 - heard.length) },
          (_, index) => `server ${index + 1} with another adapter`,
        );
        const expected = [...heard, ...strangers];
        if (expected.length === 0) return late;
        const settled = Promise.withResolvers<string[]>();
        const question = questions.ask({ nodes: expected, timeoutMs, heard: () => {}, settled: settled.resolve });
        const requestId = randomBytes(6).toString("base64url");
        asked.set(requestId, { question, heard: answered, strangers });
        publisher.publish(requestChannel(prefix, nsp), encodeRequest({ uid, requestId, ...request }));
        const looking = setInterval(() => {
          look(nsp, nodes).then(
            (seen) => {
              for (const other of seen?.gone ?? []) questions.gone(other, false);
            },
            () => {
              for (const other of expected) questions.gone(other, false);
            },
          );
        }, LOOK_MS);
        const missing = await settled.promise;
        clearInterval(looking);
        asked.delete(requestId);
        return [...late, ...missing];
      },
      tell: (request) => publisher.publish(requestChannel(prefix, nsp), encodeRequest({ uid, ...request })),
      answer: (from, message) => {
        if (!from.startsWith(channel) || message[0] !== OPEN_BRACE) return false;
        const said = response.safeParse(JSON.parse(message.toString()));
        const it = said.success ? asked.get(said.data.requestId) : undefined;
        if (!said.success || it === undefined) return false;
        it.heard(said.data);
        const stranger = said.data.node === undefined || !others(nsp).includes(said.data.node);
        const answered = stranger ? it.strangers.shift() : said.data.node;
        if (answered !== undefined)
          questions.take({ request: it.question, from: answered, kind: "whole", count: 0, frames: [] });
        return true;
      },
      count: async () => {
        const known = 1 + others(nsp).length;
        try {
          const [hearers] = (await publisher.subscribers([requestChannel(prefix, nsp)])) ?? [known];
          return hearers ?? known;
        } catch {
          // What waits for all then ends by its timeout, with the answers it has.
          return Infinity;
        }
      },
    };
  };
  return {
    of,
    /** An answer with the name of who gives it, which the official adapter reads over. */
    signed: (channel: string, message: Uint8Array | string): Uint8Array | string =>
      typeof message === "string" && channel.startsWith(responses) && message.startsWith("{")
        ? signature + message.slice(1)
        : message,
  };
};
export type Asking = ReturnType<typeof createAsking>;
