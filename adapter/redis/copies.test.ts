import { describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { eventually, sharedServer } from "#testing";
import { testCluster } from "../testing/cluster.ts";
import { busChannel } from "./bus.ts";
import { createCopier, createOnce, looksLikeCopy, readCopy } from "./copies.ts";

describe("copies of a message", () => {
  test("hold the message, who publishes it and which one it is", () => {
    const copyOf = createCopier(Buffer.from("sender"));
    const [one, two] = [Buffer.from("one"), Buffer.from([0xc1, 0])].map(copyOf);
    expect([one, two].map((it) => readCopy(it ?? Buffer.alloc(0)))).toEqual([
      { publisher: "sender", number: 1, message: Buffer.from("one") },
      { publisher: "sender", number: 2, message: Buffer.from([0xc1, 0]) },
    ]);
  });
  test("begin as neither text nor MessagePack does", () => {
    for (const message of ["{", "ü", "\x93", "\xdf"]) expect(looksLikeCopy(Buffer.from(message, "latin1"))).toBe(false);
    expect(() => readCopy(Buffer.from([0xc1, 1]))).toThrow("not a copy");
  });
  test("are heard once by each listener, whoever speaks between them", () => {
    const once = createOnce<string>();
    expect([
      once("a", 1, "x"),
      once("b", 1, "x"),
      once("a", 1, "y"),
      once("a", 1, "x"),
      once("b", 1, "x"),
      once("a", 2, "x"),
    ]).toEqual([true, true, true, false, false, true]);
  });
  test("are remembered for the publishers that spoke last", () => {
    const once = createOnce<string>();
    once("kept", 1, "x");
    for (let index = 0; index < 999; index += 1) once(String(index), 1, "x");
    expect(once("kept", 1, "x")).toBe(false);
    for (let index = 0; index < 1001; index += 1) once(`other ${index}`, 1, "x");
    expect(once("kept", 1, "x")).toBe(true);
  });
});

test("the Bus says a message to several topics once to each listener, in order, and to one topic as its bytes", async () => {
  const { uri } = await sharedServer("redis");
  await using cluster = testCluster("redis", uri);
  const { delivery } = await cluster.delivery();
  const heard: string[] = [];
  const both = (message: Uint8Array) => heard.push(`both ${Buffer.from(message).toString("latin1")}`);
  await delivery.bus.subscribe("a", both);
  await delivery.bus.subscribe("b", both);
  await delivery.bus.subscribe("b", (message) => heard.push(`b ${Buffer.from(message).toString("latin1")}`));
  const redis = new Redis(uri);
  try {
    const raw: Buffer[] = [];
    redis.on("messageBuffer", (_channel, message: Buffer) => raw.push(message));
    await redis.subscribe(busChannel(cluster.name, "a"));
    delivery.bus.publish(["a", "b"], Buffer.from("1"));
    delivery.bus.publish("b", Buffer.from("2"));
    delivery.bus.publish(["b", "c", "a"], Buffer.from("3"));
    delivery.bus.publish("a", Buffer.from([0xc1]));
    delivery.bus.publish("a", Buffer.from("4"));
    await eventually(() => expect(heard).toHaveLength(8));
    expect(heard).toEqual(["both 1", "b 1", "both 2", "b 2", "both 3", "b 3", "both \xc1", "both 4"]);
    expect(raw.at(-1)).toEqual(Buffer.from("4"));
  } finally {
    redis.disconnect();
  }
});
