import { Dealer } from "zeromq";
import { decode, eachMessage, encodeControl } from "./frames.ts";
import { lineKeys } from "./keys.ts";
import { createOutbox, type OutboxLimits } from "./outbox.ts";
import { createSender } from "./sender.ts";
import { MAX_BODY_BYTES, MAX_MESSAGE_BYTES, type Timing } from "./timing.ts";

/** One connection of a line, from its hello to its end; it never comes back. */
export interface Session {
  /** The hub's epoch. Rejects where no answer came in time. */
  welcome: Promise<string>;
  ended: Promise<{ why: string; unsent: number }>;
  send(header: unknown, body: Uint8Array | undefined): boolean;
  /** Writes what waits (for at most a second), says goodbye, closes. */
  close(): Promise<void>;
}

interface SessionOptions {
  service: string;
  node: string;
  line: string;
  uri: string;
  /** The secret that the hub asks for; absent: none. */
  key?: string | undefined;
  timing: Timing;
  limits: OutboxLimits;
  onMessage: (header: unknown, body: Uint8Array) => void;
}

const keysFor = (key: string | undefined) => {
  if (key === undefined) return {};
  const { server, client } = lineKeys(key);
  return { curveServerKey: server.publicKey, curvePublicKey: client.publicKey, curveSecretKey: client.secretKey };
};

/** Connects in the background and says hello. Throws where `uri` is none, or `key`. */
export const openSession = async ({
  service,
  node,
  line,
  uri,
  key,
  timing,
  limits,
  onMessage,
}: SessionOptions): Promise<Session> => {
  const dealer = new Dealer({
    ...keysFor(key),
    linger: 0,
    sendHighWaterMark: 0,
    maxMessageSize: MAX_MESSAGE_BYTES,
    heartbeatInterval: Math.ceil(timing.connection / 3),
    heartbeatTimeout: timing.connection,
    heartbeatTimeToLive: timing.connection,
    reconnectInterval: 100,
    reconnectMaxInterval: 1000,
  });
  const outbox = createOutbox(limits);
  const welcome = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<{ why: string; unsent: number }>();
  let up = false;
  let closing = false;
  let over = false;

  const end = (why: string) => {
    if (over) return;
    over = true;
    clearInterval(beat);
    clearTimeout(helloTimer);
    dealer.close();
    welcome.reject(new Error(`no line to the hub at ${uri}: ${why}`));
    ended.resolve({ why, unsent: outbox.waiting().messages });
  };
  welcome.promise.catch(() => {});

  const sender = createSender(
    outbox,
    (frames) => dealer.send(frames),
    (error) => end(`cannot send: ${String(error)}`),
  );
  const helloTimer = setTimeout(() => end("no answer"), timing.hello);
  let lastBeat = performance.now();
  let lastHeard = lastBeat;
  const beat = setInterval(() => {
    const now = performance.now();
    // Where this process itself stood still, the hub's words may lie unread.
    if (now - lastBeat > 3 * timing.beat) lastHeard = now;
    lastBeat = now;
    if (!up) return;
    if (now - lastHeard > timing.hubSilent) end("the hub is silent");
    else if (!sender.wrote()) sender.say(outbox.heartbeat());
  }, timing.beat);

  const take = (frames: readonly Buffer[]) => {
    lastHeard = performance.now();
    const said = decode(frames);
    if (said === undefined) return end("what answers there is not the hub");
    if ("batch" in said) {
      if (outbox.received(said.batch)) sender.say(outbox.heartbeat());
      else if (outbox.waiting().messages > 0) sender.wake();
      return eachMessage(said.batch, onMessage);
    }
    if (said.control[0] === "welcome") {
      clearTimeout(helloTimer);
      up = true;
      return welcome.resolve(said.control[1].epoch);
    }
    return end(said.control[0] === "bye" ? "the hub says goodbye" : "the hub does not know this line");
  };
  const receive = async () => {
    try {
      for await (const frames of dealer) {
        take(frames);
        if (over) break;
      }
    } catch (error) {
      end(`cannot receive: ${String(error)}`);
    }
  };

  // Not `events.on`: its emitter belongs to whoever loaded the native module first, such as a test file that is over.
  const watch = async () => {
    try {
      while (!dealer.closed) {
        const { type } = await dealer.events.receive();
        if (type.startsWith("handshake:error"))
          end(
            `no handshake: ${key === undefined ? "the hub may ask for a key" : "the hub may have another key, or none"}`,
          );
        else if (type === "disconnect") end("disconnected");
      }
    } catch {
      end("its connection cannot be watched");
    }
  };

  try {
    if (!uri.startsWith("tcp://")) throw new Error(`${uri}: the hub's address has the form tcp://host:port`);
    dealer.connect(uri.replace(/\/$/, ""));
  } catch (error) {
    end("not connected");
    throw error;
  }
  sender.say(encodeControl(["hello", { v: 1, service, node, line }]));
  void receive();
  void watch();

  return {
    welcome: welcome.promise,
    ended: ended.promise,
    send: (header, body) => {
      if (!up || over || closing || (body?.length ?? 0) > MAX_BODY_BYTES) return false;
      if (!outbox.push(header, body)) return false;
      sender.wake();
      return true;
    },
    close: async () => {
      closing = true;
      if (up && !over) {
        const until = performance.now() + 1000;
        const waits = () => !over && outbox.waiting().messages > 0 && performance.now() < until;
        await sender.idle();
        while (waits()) {
          await new Promise<void>((resolve) => setTimeout(resolve, 5));
          await sender.idle();
        }
        if (!over) {
          sender.say(encodeControl(["bye"]));
          await sender.idle();
          if (!over) dealer.linger = 1000;
        }
      }
      end("closed");
    },
  };
};
