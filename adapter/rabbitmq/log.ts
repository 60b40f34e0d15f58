import { randomBytes } from "node:crypto";
import type { ChannelModel, ConfirmChannel } from "amqplib";
import { openConnection, within, type Connection } from "#amqp";
import { Refusal } from "#crds";
import { logMetrics } from "../log/metrics.ts";
import type { LogOptions } from "../log/open.ts";
import { createPending } from "../log/pending.ts";
import type { Following, LogFollower, OpenLog, Place } from "../log/port.ts";
import { createReading, type Notice, type Reading } from "./reading.ts";
import { encodeRecord, SENDER_BYTES, type StreamRecord } from "./record.ts";
import { declareStream, streamOf } from "./stream.ts";

const OPEN_TIMEOUT_MS = 10_000;
/** RabbitMQ 4 closes the channel of who publishes more. */
const MAX_ENTRY_BYTES = 16 << 20;
/** A stream that gives nothing back for so long is given up, and connected to again. */
const STUCK_MS = 30_000;
const DRAIN_MS = 3000;
const OTHER_LIMITS = "the stream was made for other limits, and keeps what it kept: delete it, and it is made anew";

export interface RabbitmqLogOptions extends LogOptions {
  newEpoch?: () => string;
}

const unavailable = (why: string): Refusal => new Refusal("delivery_unavailable", undefined, { cause: new Error(why) });

/**
 * The Log as a stream of RabbitMQ 3.10 or later, `<cluster>.log`, over one connection. A confirm does not tell an entry's place: it is
 * known when the entry comes back, so every process that appends reads the stream, one that does not follow it too. Rejects where it cannot
 * connect within 10 s.
 */
export const openRabbitmqLog = async (options: RabbitmqLogOptions): Promise<OpenLog> => {
  const { cluster, node, settings, log, registry, limits } = options;
  const { newEpoch = () => randomBytes(6).toString("base64url") } = options;
  const stream = streamOf(cluster);
  const sender = randomBytes(SENDER_BYTES);
  const metrics = logMetrics(registry);
  const pending = createPending(metrics);
  let channel: ConfirmChannel | undefined;
  let said = 0;
  let landed = 0;
  let noticed = 0;
  let movedAt = 0;

  const publish = (record: StreamRecord) => {
    if (channel === undefined) throw unavailable("rabbitmq is away");
    const to = channel;
    to.sendToQueue(stream, encodeRecord(record), {}, (error: unknown) => {
      // Nobody knows whether it is there; what comes behind it must not be before it.
      if (error && channel === to) line.reset();
    });
  };
  const put = (notice: Notice): number => {
    noticed += 1;
    publish({ ...notice, sender, number: noticed });
    return noticed;
  };
  const land = (number: number, place: Place) => {
    if (number <= landed) return;
    if (number > landed + 1) pending.fail(unavailable("rabbitmq dropped it"), number - landed - 1);
    landed = number;
    movedAt = performance.now();
    pending.done(place);
  };
  const lose = (why: string) => {
    channel = undefined;
    landed = said;
    pending.fail(unavailable(why));
  };
  const readFrom = (from: Place | "oldest" | "newest", follower?: LogFollower): Reading =>
    createReading({
      stream,
      limits,
      metrics,
      log,
      from,
      ...(follower === undefined ? {} : { follower }),
      put,
      isOwn: (record) => Buffer.compare(record.sender, sender) === 0,
      landed: land,
      onEnd: () => line.reset(),
      newEpoch,
    });
  /** Until somebody follows, what comes back is read all the same. */
  let current = readFrom("newest");
  let next: Reading | undefined;
  const caughtUp = Promise.withResolvers<void>();
  const adopt = () => {
    if (next === undefined) return;
    current.close();
    current = next;
    next = undefined;
    caughtUp.resolve();
  };
  caughtUp.promise.catch(() => {});
  const setUp = async (model: ChannelModel) => {
    if (await declareStream(model, stream, limits)) log.warn({ stream }, OTHER_LIMITS);
    const opened = await model.createConfirmChannel();
    opened.on("error", () => {});
    // Before amqplib's own listener, which tells every message that is not confirmed.
    opened.prependListener("close", () => {
      if (channel !== opened) return;
      channel = undefined;
      line.reset();
    });
    channel = opened;
    let wanted: Reading;
    do {
      wanted = next ?? current;
      await wanted.open(model);
    } while (wanted !== (next ?? current));
    adopt();
  };

  await using opening = new AsyncDisposableStack();
  const line: Connection = opening.use(
    openConnection({ name: `${node} log`, settings, log, setUp, onLost: () => lose("rabbitmq went away") }),
  );
  const watch = setInterval(() => {
    if (said > landed && performance.now() - movedAt > STUCK_MS) line.reset();
  }, 1000).unref();
  opening.defer(() => clearInterval(watch));
  await line.opened(OPEN_TIMEOUT_MS);
  const stack = opening.move();

  const connected = () => channel !== undefined && line.current() !== undefined && current.isLive();
  let isFollowed = false;
  const append = (bytes: Uint8Array): Promise<Place> => {
    if (!connected()) return pending.refuse(unavailable("rabbitmq is away"));
    if (line.blocked()) return pending.refuse(unavailable("rabbitmq blocks publishers"));
    if (bytes.length > MAX_ENTRY_BYTES) return pending.refuse(unavailable(`an entry of ${bytes.length} bytes`));
    if (!pending.hasRoom()) return pending.refuse(unavailable("too much waits"));
    const added = pending.add(bytes.length);
    if (said === landed) movedAt = performance.now();
    said += 1;
    try {
      publish({ kind: "entry", sender, number: said, epoch: current.epoch(), bytes });
    } catch {
      said -= 1;
      pending.drop(unavailable("rabbitmq is away"));
    }
    return added;
  };
  const follow = async (from: Place | "oldest" | "newest", follower: LogFollower): Promise<Following> => {
    if (isFollowed) throw new Error("one follower per log");
    isFollowed = true;
    const reading = readFrom(from, follower);
    next = reading;
    const model = line.current();
    // Where it fails the connection is made anew, and then it is opened first.
    if (model !== undefined) reading.open(model).then(adopt, () => {});
    await caughtUp.promise;
    return { place: reading.place, [Symbol.asyncDispose]: async () => reading.mute() };
  };
  return {
    append,
    follow,
    connected,
    [Symbol.asyncDispose]: async () => {
      caughtUp.reject(unavailable("the log is closed"));
      if (channel !== undefined) await within(DRAIN_MS, channel.waitForConfirms());
      await stack.disposeAsync();
    },
  };
};
