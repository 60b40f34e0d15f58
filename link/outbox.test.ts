import { describe, expect, test } from "@jest/globals";
import { decode, eachMessage, entryOf, type Frames } from "./frames.ts";
import { createOutbox } from "./outbox.ts";

const messagesOf = (frames: Frames | undefined) => {
  const said = frames && decode(frames);
  if (said === undefined || !("batch" in said)) throw new Error("no batch");
  const messages: [unknown, string][] = [];
  eachMessage(said.batch, (header, body) => messages.push([header, Buffer.from(body).toString()]));
  return { batch: said.batch, messages };
};

describe("outbox", () => {
  test("all that was queued goes as one batch, in order, whatever it holds", () => {
    const box = createOutbox();
    box.push(["a", "ü\n"], Buffer.from("grüße"));
    box.push(null, undefined);
    box.push({ deep: [1] }, Buffer.from("x"));
    expect(messagesOf(box.take()).messages).toEqual([
      [["a", "ü\n"], "grüße"],
      [null, ""],
      [{ deep: [1] }, "x"],
    ]);
    expect(box.take()).toBeUndefined();
    expect(box.waiting()).toEqual({ messages: 0, bytes: 0 });
  });

  test("a batch ends at its size; the next one goes on", () => {
    const box = createOutbox({ batchBytes: 100 });
    for (let index = 0; index < 10; index++) box.push(index, Buffer.alloc(40));
    const batches: unknown[][] = [];
    for (let frames = box.take(); frames !== undefined; frames = box.take())
      batches.push(messagesOf(frames).messages.map(([header]) => header));
    expect(batches.flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(batches.length).toBeGreaterThan(3);
  });

  test("more than its bytes are refused, and room is made by sending", () => {
    const box = createOutbox({ maxBytes: 1000 });
    let taken = 0;
    while (box.push("x", Buffer.alloc(100))) taken += 1;
    expect(taken).toBeLessThan(11);
    box.take();
    expect(box.push("x", Buffer.alloc(100))).toBe(true);
  });

  test("nothing is sent beyond the window until the other side has taken it in", () => {
    const ours = createOutbox({ windowBytes: 500, batchBytes: 100 });
    const theirs = createOutbox({ windowBytes: 500 });
    for (let index = 0; index < 20; index++) ours.push(index, Buffer.alloc(100));
    const sent: Frames[] = [];
    for (let frames = ours.take(); frames !== undefined; frames = ours.take()) sent.push(frames);
    expect(sent.length).toBeLessThan(7);
    const due = sent.map((frames) => theirs.received(messagesOf(frames).batch));
    expect(due).toContain(true);
    ours.received(messagesOf(theirs.heartbeat()).batch);
    expect(ours.take()).toBeDefined();
  });

  test("what is no JSON is refused", () => {
    const round: unknown[] = [];
    round.push(round);
    expect(createOutbox().push(round, undefined)).toBe(false);
    expect(entryOf(1n, 0)).toBeUndefined();
  });
});

describe("decode", () => {
  test.each([
    ["nothing", []],
    ["an empty frame", [""]],
    ["no JSON", ["{"]],
    ["no array", ["{}"]],
    ["an unknown kind", ['["x"]']],
    ["a batch without its account", ['["m"]']],
    ["a length without a header", ['["m",0,1]', "x"]],
    ["a negative length", ['["m",0,-1,null]']],
    ["lengths that do not add up", ['["m",0,5,null]', "x"]],
    ["a third frame", ['["m",0]', "", ""]],
    ["a hello of another version", ['["hello",{"v":2}]']],
  ])("%s is foreign", (_what, frames) => {
    expect(decode(frames.map((frame) => Buffer.from(frame)))).toBeUndefined();
  });
});
