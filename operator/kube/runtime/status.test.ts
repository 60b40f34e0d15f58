import { describe, expect, test } from "@jest/globals";
import { silentLog } from "#process";
import { canonical, without } from "./canonical.ts";
import { ApiError } from "./client.ts";
import { manualClock } from "./manual-clock.ts";
import { memoryClient } from "./memory-client.ts";
import { refOf } from "./object.ts";
import { statusChange } from "./status-change.ts";
import { openStatusWriter } from "./status.ts";

const ready = (status: string, rest: object = {}) => ({ type: "Ready", status, reason: "Some", message: "", ...rest });
const NOW = Date.UTC(2026, 0, 1);
const EARLIER = "2025-12-31T00:00:00Z";

describe("a status is written where it says something else", () => {
  const live = {
    observedGeneration: 1,
    conditions: [ready("True", { lastTransitionTime: EARLIER })],
    pools: [{ n: 1 }],
  };
  test.each<[title: string, wanted: object, change: string]>([
    [
      "the same, with keys in another order",
      { pools: [{ n: 1 }], conditions: [ready("True")], observedGeneration: 1 },
      "none",
    ],
    ["a field without a value more", { ...live, note: undefined }, "none"],
    ["another generation", { ...live, observedGeneration: 2 }, "more"],
    ["a condition's message", { ...live, conditions: [ready("True", { message: "1/2" })] }, "more"],
    ["a condition that goes", { ...live, conditions: [] }, "more"],
    ["a number of those that may wait", { ...live, pools: [{ n: 2 }] }, "numbers"],
    ["such a number and a condition", { ...live, pools: [{ n: 2 }], conditions: [ready("False")] }, "more"],
    ["one more pool", { ...live, pools: [{ n: 1 }, { n: 1 }] }, "more"],
  ])("%s", (_title, wanted, change) => {
    expect(statusChange(live, wanted, { now: NOW, numbers: [["pools", "*", "n"]] }).change).toBe(change);
  });

  test("the order of conditions says nothing", () => {
    const [a, b] = [ready("True", { type: "A" }), ready("True", { type: "B" })];
    const { status } = statusChange(undefined, { conditions: [a, b] }, { now: NOW });
    expect(statusChange(status, { conditions: [b, a] }, { now: NOW + 5000 }).change).toBe("none");
  });

  test.each<[title: string, live: object | undefined, wanted: object, time: string]>([
    ["a new condition: now", undefined, ready("True"), "2026-01-01T00:00:00Z"],
    ["a new condition that brings its time: that", undefined, ready("True", { lastTransitionTime: "x" }), "x"],
    [
      "the same status: as it was",
      ready("True", { lastTransitionTime: EARLIER }),
      ready("True", { reason: "Other" }),
      EARLIER,
    ],
    ["another status: now", ready("True", { lastTransitionTime: EARLIER }), ready("False"), "2026-01-01T00:00:00Z"],
  ])("lastTransitionTime of %s", (_title, condition, wanted, time) => {
    const before = { conditions: condition === undefined ? [] : [condition] };
    const { status } = statusChange(before, { conditions: [wanted] }, { now: NOW });
    expect(status).toMatchObject({ conditions: [{ lastTransitionTime: time }] });
  });
});

test("paths reach into lists and maps, and what they do not find is left", () => {
  const value = { a: [{ n: 1, m: 2 }], b: { x: { n: 1 } }, n: 3 };
  const paths = [
    ["a", "*", "n"],
    ["b", "*", "n"],
    ["c", "d"],
    ["n", "e"],
  ];
  expect(paths.reduce<unknown>(without, value)).toEqual({ a: [{ m: 2 }], b: { x: {} }, n: 3 });
  expect(canonical({ b: 1, a: [{ d: 1, c: undefined }] })).toBe('{"a":[{"d":1}],"b":1}');
});

describe("the writer", () => {
  const start = async () => {
    const clock = manualClock();
    const client = memoryClient();
    const thing = await client.create(
      { apiVersion: "v1", kind: "Thing", metadata: { name: "a", namespace: "default" } },
      { fieldManager: "test" },
    );
    const writer = openStatusWriter({
      client,
      fieldManager: "test",
      log: silentLog(),
      clock,
      today: () => NOW + clock.now(),
      numbers: { paths: [["n"]], everyMs: 30_000 },
    });
    const writes = () =>
      client.requests.flatMap(({ verb, body }) => (verb === "apply" && body !== undefined ? [body] : []));
    const read = async () => (await client.get(refOf(thing))) ?? thing;
    return { clock, client, thing, writer, writes, read };
  };

  test("writes once what is wanted twice, although the informer is behind", async () => {
    const { thing, writer, writes, read } = await start();
    await writer.write(thing, { conditions: [ready("True")] });
    await writer.write(thing, { conditions: [ready("True")] });
    await writer.write(await read(), { conditions: [ready("True")] });
    expect(writes()).toEqual([
      {
        apiVersion: "v1",
        kind: "Thing",
        metadata: { name: "a", namespace: "default", uid: thing.metadata.uid },
        status: { conditions: [ready("True", { lastTransitionTime: "2026-01-01T00:00:00Z" })] },
      },
    ]);
  });

  test("puts back what somebody changed", async () => {
    const { thing, client, writer, writes, read } = await start();
    await writer.write(thing, { phase: "Fine" });
    await client.merge(refOf(thing), { status: { phase: "Edited" } }, { fieldManager: "kubectl" });
    await writer.write(await read(), { phase: "Fine" });
    expect(writes()).toHaveLength(2);
  });

  test("does not write for ever what the server changes on its way in", async () => {
    const { thing, client, writer, writes } = await start();
    const pruning = openStatusWriter({
      client: {
        ...client,
        apply: async (object, options) => ({ ...(await client.apply(object, options)), status: { phase: "x" } }),
      },
      fieldManager: "test",
      log: silentLog(),
    });
    await pruning.write(thing, { phase: "x", unknown: 1 });
    await pruning.write(
      { ...thing, metadata: { ...thing.metadata, resourceVersion: "9" }, status: { phase: "x" } },
      { unknown: 1, phase: "x" },
    );
    expect(writes()).toHaveLength(1);
    await writer[Symbol.asyncDispose]();
  });

  test("numbers alone wait for their time and are written then, the last ones", async () => {
    const { clock, thing, writer, writes, read } = await start();
    await writer.write(thing, { phase: "Fine", n: 1 });
    for (const n of [2, 3, 4]) {
      await clock.pass(9000);
      await writer.write(await read(), { phase: "Fine", n });
    }
    expect(writes()).toHaveLength(1);
    await clock.pass(3000);
    expect(writes()).toHaveLength(2);
    expect(writes()[1]).toMatchObject({ status: { phase: "Fine", n: 4 } });
    await clock.pass(60_000);
    expect(writes()).toHaveLength(2);
  });

  test("numbers that wait go with what does not", async () => {
    const { clock, thing, writer, writes, read } = await start();
    await writer.write(thing, { phase: "Fine", n: 1 });
    await writer.write(await read(), { phase: "Fine", n: 2 });
    await writer.write(await read(), { phase: "Bad", n: 2 });
    await clock.pass(60_000);
    expect(writes()).toHaveLength(2);
  });

  test.each([
    ["gone", 404, "NotFound"],
    ["another by now", 409, "Conflict"],
  ])("an object that is %s is left alone", async (_title, status, reason) => {
    const { client, thing, writer } = await start();
    client.intercept(() => {
      throw new ApiError(status, reason, "no");
    });
    await writer.write(thing, { phase: "Fine" });
  });

  test("what the server refuses is the caller's to know, and is tried again when asked", async () => {
    const { client, thing, writer, writes } = await start();
    client.intercept(() => {
      throw new ApiError(403, "Forbidden", "no");
    });
    await expect(writer.write(thing, { phase: "Fine" })).rejects.toThrow("no");
    client.intercept(() => {});
    await writer.write(thing, { phase: "Fine" });
    expect(writes()).toHaveLength(2);
  });
});
