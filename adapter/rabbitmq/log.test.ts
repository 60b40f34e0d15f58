import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { connect } from "amqplib";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import { eventually, sharedServer } from "#testing";
import type { Place } from "../log/port.ts";
import { logSuite } from "../log/suite.ts";
import { startStreams } from "../testing/streams.ts";
import { openRabbitmqLog } from "./log.ts";
import { streamOf } from "./stream.ts";

logSuite("rabbitmq", openRabbitmqLog, startStreams, { survives: true });

/** A log with a follower, and a connection of a stranger. */
const open = async () => {
  const { uri } = await sharedServer("rabbitmq");
  const cluster = `log-${randomBytes(4).toString("hex")}`;
  const registry = new Registry();
  const stack = new AsyncDisposableStack();
  const settings = async () => ({ uri });
  const limits = { maxMessages: 100, maxBytes: 1 << 20 };
  const log = stack.use(await openRabbitmqLog({ cluster, node: "test", settings, log: silentLog(), registry, limits }));
  const stranger = await connect(uri);
  stack.defer(() => stranger.close());
  const channel = await stranger.createChannel();
  const stream = streamOf(cluster);
  stack.defer(async () => void (await channel.deleteQueue(stream)));
  const heard: string[] = [];
  const cuts: Place[] = [];
  await log.follow("oldest", {
    entries: (_epoch, entries) => heard.push(...entries.map(({ bytes }) => Buffer.from(bytes).toString())),
    cut: (to) => void cuts.push(to),
  });
  const say = (text: string) => log.append(Buffer.from(text));
  return { log, registry, channel, stream, heard, cuts, say, [Symbol.asyncDispose]: () => stack.disposeAsync() };
};

describe("the log's stream", () => {
  test("that somebody deletes is made again, in another epoch, and whoever follows is told", async () => {
    await using it = await open();
    const { epoch } = await it.say("before");
    await eventually(() => expect(it.heard).toEqual(["before"]));
    await it.channel.deleteQueue(it.stream);
    await eventually(() => expect(it.cuts).toEqual([{ epoch: expect.not.stringMatching(epoch), index: 0 }]), {
      timeoutMs: 30_000,
    });
    const place = await it.say("after");
    await eventually(() => expect(it.heard).toEqual(["before", "after"]));
    expect(place.epoch).toBe(it.cuts[0]?.epoch);
  });

  test("into which a stranger publishes: it is counted, and harms nobody", async () => {
    await using it = await open();
    for (const junk of ["", "x", "\x01\x00", "\x01\x07".padEnd(40, "\xff"), "{}"])
      it.channel.sendToQueue(it.stream, Buffer.from(junk, "latin1"));
    await eventually(async () => expect(await it.registry.metrics()).toMatch(/realtime_log_malformed_total 5/));
    await it.say("heard");
    expect(it.heard).toEqual(["heard"]);
  });
});
