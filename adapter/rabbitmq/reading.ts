import type { Channel, ChannelModel } from "amqplib";
import type { Log as Logger } from "#process";
import { handOver } from "../log/hand-over.ts";
import type { LogMetrics } from "../log/metrics.ts";
import type { LogFollower, LogLimits, Place } from "../log/port.ts";
import {
  createCatchUp,
  type CatchUp,
  type Decision,
  type OwnedEntry,
  type SeenRecord,
  type StartAt,
} from "./catch-up.ts";
import { decodeRecord, type StreamRecord } from "./record.ts";
import { readStream } from "./stream.ts";

/** The record that was seen last comes at once where it is there; a stream that ends before it says nothing. */
const SILENCE_MS = 3000;

/** Something that this process says about the stream, without its sender and number. */
export type Notice = { kind: "mark"; epoch: string } | { kind: "epoch"; epoch: string; replaces: string };

export interface ReadingOptions {
  stream: string;
  limits: LogLimits;
  metrics: LogMetrics;
  log: Logger;
  from: Place | "oldest" | "newest";
  /** Absent: only what this process said itself is of interest. */
  follower?: LogFollower;
  /** Publishes a notice, and returns its number. Throws where the connection is gone. */
  put: (notice: Notice) => number;
  isOwn: (record: StreamRecord) => boolean;
  /** This process's entry of that number stands there. */
  landed: (number: number, place: Place) => void;
  /** The server ended what `open` had begun. */
  onEnd: () => void;
  newEpoch: () => string;
}

/** The way of one follower through the stream, over one connection after the other. */
export interface Reading {
  /** Resolves when all that stood there has been handed over. Rejects where it cannot be read. */
  open(model: ChannelModel): Promise<void>;
  close(): void;
  /** From now on the follower is told nothing. */
  mute(): void;
  isLive(): boolean;
  epoch(): string;
  place(): Place;
}

export const createReading = (options: ReadingOptions): Reading => {
  const { stream, limits, metrics, log, put, isOwn, landed, onEnd, newEpoch } = options;
  let { from, follower } = options;
  let place: Place = typeof from === "string" ? { epoch: "", index: 0 } : from;
  let seen: SeenRecord | undefined;
  const isEcho = follower === undefined;
  let isLive = false;
  let batch: OwnedEntry[] = [];
  /** Ends what was begun before. */
  let end = () => {};

  const cut = (to: Place) => {
    place = to;
    if (follower === undefined) return;
    metrics.cut();
    handOver(() => follower?.cut(to), metrics, log);
  };
  const hand = (entries: readonly OwnedEntry[]) => {
    const last = entries.at(-1);
    if (last === undefined) return;
    const { epoch } = place;
    place = { epoch, index: last.index };
    for (const { number, index } of entries) if (number !== undefined) landed(number, { epoch, index });
    if (follower !== undefined) handOver(() => follower?.entries(epoch, entries), metrics, log);
  };
  const flush = () => {
    const entries = batch;
    batch = [];
    hand(entries);
  };
  const readLive = (index: number, record: StreamRecord, number: number | undefined) => {
    if (record.kind === "epoch" && record.replaces === place.epoch && record.epoch !== place.epoch) {
      flush();
      cut({ epoch: record.epoch, index });
    }
    if (record.kind !== "entry") return;
    const { bytes } = record;
    batch.push({ index, size: bytes.length, bytes, number });
  };
  const goOn = (decision: Extract<Decision, { kind: "go" }>) => {
    isLive = true;
    if (decision.isCut) cut(decision.place);
    place = decision.place;
    hand(decision.entries);
  };

  const attach = async (model: ChannelModel, at: StartAt, opened: PromiseWithResolvers<void>): Promise<void> => {
    let channel: Channel | undefined;
    let isOver = false;
    let isSilent = true;
    let mark: number | undefined;
    /** The epoch that is to be replaced. */
    let replacing: string | undefined;
    const catchUp: CatchUp = createCatchUp({ at, from, seen, limits });
    const timer = typeof at === "number" ? setTimeout(() => isSilent && again(), SILENCE_MS).unref() : undefined;
    const fail = (error: unknown) => {
      if (isOver) return;
      stop();
      opened.reject(error);
      onEnd();
    };
    const stop = () => {
      isOver = true;
      isLive = false;
      clearTimeout(timer);
      channel?.close().catch(() => {});
    };
    const again = () => {
      if (isOver) return;
      stop();
      void attach(model, "first", opened);
    };
    const decide = (index: number) => {
      const decision = catchUp.decide(index);
      if (decision.kind === "again") return again();
      if (decision.kind === "begin") {
        replacing = decision.replaces;
        put({ kind: "epoch", epoch: newEpoch(), replaces: replacing });
        return;
      }
      goOn(decision);
      const { epoch } = place;
      // Whoever begins at the last chunk finds the epoch there.
      if (typeof at !== "number" && replacing === undefined) put({ kind: "epoch", epoch, replaces: epoch });
      opened.resolve();
    };
    const guarded = (act: () => void) => {
      try {
        act();
      } catch (error) {
        fail(error);
      }
    };
    const onRecord = (index: number, body: Buffer) => {
      const record = isOver ? undefined : decodeRecord(body);
      isSilent = false;
      if (record === undefined) return isOver ? undefined : metrics.malformed();
      const number = record.kind === "entry" && isOwn(record) ? record.number : undefined;
      if (isLive) readLive(index, record, number);
      else {
        catchUp.take(index, record, body, number);
        const isMark = record.kind === "mark" && record.number === mark && isOwn(record);
        if (isMark || (replacing !== undefined && catchUp.epoch() !== replacing)) guarded(() => decide(index));
      }
      if (isLive) seen = { index, body };
    };
    end = stop;
    try {
      channel = await readStream(model, stream, at, {
        onRecord,
        onPause: flush,
        onEnd: () => fail(new Error("the stream is not there any more")),
      });
      if (isOver) channel.close().catch(() => {});
      else mark = put({ kind: "mark", epoch: "" });
    } catch (error) {
      fail(error);
    }
  };
  return {
    open: (model) => {
      end();
      flush();
      if (isEcho) seen = undefined;
      if (seen !== undefined) from = place;
      const opened = Promise.withResolvers<void>();
      void attach(model, seen?.index ?? (from === "newest" ? "last" : "first"), opened);
      return opened.promise;
    },
    close: () => end(),
    mute: () => (follower = undefined),
    isLive: () => isLive,
    epoch: () => place.epoch,
    place: () => place,
  };
};
