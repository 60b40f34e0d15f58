import { describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import { ApiError } from "./client.ts";
import { cut } from "./event-object.ts";
import { openEventRecorder, type Happening } from "./events.ts";
import { manualClock } from "./manual-clock.ts";
import { memoryClient } from "./memory-client.ts";

const MINUTE = 60_000;
const about = { apiVersion: "example.com/v1", kind: "Thing", namespace: "shop", name: "a", uid: "uid-a" };
const created: Happening = { about, type: "Normal", reason: "Created", message: "made 3", action: "Create" };

const start = (limits = {}) => {
  const clock = manualClock();
  const client = memoryClient();
  const registry = new Registry();
  const recorder = openEventRecorder({
    client,
    controller: "example.com/operator",
    instance: "operator-1",
    log: silentLog(),
    clock,
    registry,
    limits,
    today: () => clock.now(),
    random: () => 1,
  });
  const events = () => client.list({ apiVersion: "events.k8s.io/v1", kind: "Event" });
  const writes = () => client.requests.filter(({ verb }) => verb === "create" || verb === "merge");
  const dropped = async (reason: string) =>
    (await registry.getSingleMetric("kube_events_dropped_total")?.get())?.values.find(
      ({ labels }) => labels["reason"] === reason,
    )?.value;
  return { clock, client, recorder, events, writes, dropped };
};

test("what happens to an object becomes an Event about it", async () => {
  const { clock, recorder, events } = start();
  const { apiVersion, kind, namespace, name, uid } = about;
  recorder.record({ ...created, about: { apiVersion, kind, metadata: { namespace, name, uid, generation: 4 } } });
  await clock.pass(0);
  expect(await events()).toMatchObject([
    {
      metadata: { namespace: "shop", name: expect.stringMatching(/^a\.[0-9a-f]{16}$/) },
      regarding: about,
      type: "Normal",
      reason: "Created",
      action: "Create",
      note: "made 3",
      eventTime: "1970-01-01T00:00:00.000000Z",
      reportingController: "example.com/operator",
      reportingInstance: "operator-1",
    },
  ]);
  expect((await events())[0]).not.toHaveProperty("series");
});

test("an event about an object without namespace lies where kubectl looks for it", async () => {
  const { clock, recorder, events } = start();
  recorder.record({ ...created, about: { apiVersion: "v1", kind: "Node", name: "n" } });
  await clock.pass(0);
  expect(await events()).toMatchObject([{ metadata: { namespace: "default" } }]);
});

describe("the same again", () => {
  test("is counted in the event that is there, which is written every five minutes at most", async () => {
    const { clock, recorder, events, writes } = start();
    for (let i = 0; i < 60; i++) {
      recorder.record(created);
      await clock.pass(10_000);
    }
    expect(await events()).toMatchObject([{ series: { count: 60, lastObservedTime: "1970-01-01T00:09:50.000000Z" } }]);
    expect(writes().map(({ verb }) => verb)).toEqual(["create", "merge", "merge"]);
    await clock.pass(60 * MINUTE);
    expect(writes()).toHaveLength(3);
  });

  test("after ten minutes without is a new event", async () => {
    const { clock, recorder, events } = start();
    recorder.record(created);
    await clock.pass(10 * MINUTE);
    recorder.record(created);
    await clock.pass(0);
    expect(await events()).toHaveLength(2);
  });

  test.each<[title: string, other: Partial<Happening>]>([
    ["another message", { message: "made 4" }],
    ["another reason", { reason: "Updated" }],
    ["another object of that name", { about: { ...about, uid: "uid-b" } }],
  ])("is not the same with %s", async (_title, other) => {
    const { clock, recorder, events } = start();
    recorder.record(created);
    recorder.record({ ...created, ...other });
    await clock.pass(0);
    expect(await events()).toHaveLength(2);
  });

  test("is told anew where the event was deleted meanwhile", async () => {
    const { clock, client, recorder, events } = start();
    recorder.record(created);
    await clock.pass(0);
    const [event] = await events();
    await client.delete({
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      namespace: "shop",
      name: event?.metadata.name ?? "",
    });
    recorder.record(created);
    await clock.pass(5 * MINUTE);
    expect(await events()).toMatchObject([{ note: "made 3", series: { count: 2 } }]);
  });
});

describe("what is too much", () => {
  test("of one object is dropped and counted, others are not touched, later there is room again", async () => {
    const { clock, recorder, events, dropped } = start();
    for (let i = 0; i < 30; i++) recorder.record({ ...created, message: `made ${i}` });
    recorder.record({ ...created, about: { ...about, uid: "uid-b" } });
    await clock.pass(0);
    expect(await events()).toHaveLength(26);
    expect(await dropped("rate")).toBe(5);
    await clock.pass(5 * MINUTE);
    recorder.record({ ...created, message: "later" });
    await clock.pass(0);
    expect(await events()).toHaveLength(27);
  });

  test("waiting is dropped and counted", async () => {
    const { clock, client, recorder, events, dropped } = start({ queue: 2 });
    const gate = Promise.withResolvers<void>();
    client.intercept(({ verb }) => (verb === "create" ? gate.promise : undefined));
    for (let i = 0; i < 5; i++) recorder.record({ ...created, message: `made ${i}` });
    gate.resolve();
    await clock.pass(0);
    expect(await events()).toHaveLength(3);
    expect(await dropped("queue")).toBe(2);
  });

  test.each<[title: string, text: string, bytes: number, result: string]>([
    ["fits", "abc", 3, "abc"],
    ["is long", "abcdef", 5, "ab…"],
    ["would be cut within a character", "ääää", 6, "ä…"],
  ])("a text that %s", (_title, text, bytes, result) => {
    expect(cut(text, bytes)).toBe(result);
  });
});

describe("the API server", () => {
  test("is away for a while: the event is written when it is back, once", async () => {
    const { clock, client, recorder, events } = start();
    client.intercept(({ verb }) => {
      if (verb === "create") throw new Error("connect ECONNREFUSED");
    });
    recorder.record(created);
    await clock.pass(10_000);
    client.intercept(() => {});
    await clock.pass(30_000);
    expect(await events()).toHaveLength(1);
  });

  test("refuses: that event is dropped, the next is tried", async () => {
    const { clock, client, recorder, events, dropped } = start();
    client.intercept(({ verb }) => {
      if (verb === "create") throw new ApiError(403, "Forbidden", "the namespace is being terminated");
    });
    recorder.record(created);
    await clock.pass(0);
    client.intercept(() => {});
    recorder.record({ ...created, message: "other" });
    await clock.pass(0);
    expect(await events()).toMatchObject([{ note: "other" }]);
    expect(await dropped("refused")).toBe(1);
  });

  test("does not hold up the end for more than two seconds", async () => {
    const { clock, client, recorder } = start();
    client.intercept(() => new Promise(() => {}));
    recorder.record(created);
    const disposed = recorder[Symbol.asyncDispose]();
    await clock.pass(2000);
    await disposed;
  });
});
