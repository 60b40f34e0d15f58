import { describe, expect, test } from "@jest/globals";
import type { Instance } from "../../port.ts";
import { instanceOf } from "../../testing.ts";
import { changesOf } from "./changes.ts";

const it = (rest: Partial<Instance>) => [instanceOf("it", rest)];

describe("a cluster is told", () => {
  const table: [string, Instance[], Instance[], string[]][] = [
    ["nothing where nothing changed", it({}), it({}), []],
    ["that a new instance starts", [], it({ state: "starting" }), ["starting"]],
    ["that one starts and is ready, seen late", [], it({}), ["starting", "ready"]],
    ["that one starts and fails, seen late", [], it({ state: "failing", message: "no" }), ["starting", "failing: no"]],
    ["that it is ready", it({ state: "starting" }), it({}), ["ready"]],
    ["that it failed", it({ state: "starting" }), it({ state: "failing", message: "no" }), ["failing: no"]],
    [
      "nothing more while it waits in the same failure",
      it({ state: "failing", since: 1, message: "no" }),
      it({ state: "failing", since: 1, message: "no, in other words" }),
      [],
    ],
    [
      "that it was started again, and failed again",
      it({ state: "failing", since: 1, message: "no" }),
      it({ state: "failing", since: 2, restarts: 1, message: "still no" }),
      ["restarting: no", "failing: still no"],
    ],
    [
      "that it is started again",
      it({ state: "failing", since: 1, message: "no" }),
      it({ state: "failing", since: 1, restarts: 1, message: "no" }),
      ["restarting: no"],
    ],
    [
      "nothing when what was started again only counts as starting",
      it({ state: "failing", restarts: 1, message: "no" }),
      it({ state: "starting", restarts: 1, message: "no" }),
      [],
    ],
    ["that it ended after it was ready", it({}), it({ state: "backoff", message: "bye" }), ["exited: bye"]],
    ["that it came back", it({ state: "backoff", message: "bye" }), it({ restarts: 1 }), ["restarting: bye", "ready"]],
    ["of a death that nobody saw", it({}), it({ restarts: 1, since: 5 }), ["exited", "restarting", "ready"]],
    [
      "of a death that nobody saw, and a start",
      it({}),
      it({ restarts: 1, state: "starting", message: "bye" }),
      ["exited: bye", "restarting: bye"],
    ],
    ["that it is to go", it({}), it({ state: "stopping" }), ["stopping"]],
    ["that one was to go before it was seen", [], it({ state: "stopping" }), ["stopping"]],
    ["nothing more while it goes", it({ state: "stopping" }), it({ state: "stopping", restarts: 1 }), []],
    ["that it has gone", it({ state: "stopping" }), [], ["stopped"]],
    ["that it does not answer any more", it({}), it({ state: "starting", message: "lost" }), ["exited: lost"]],
  ];
  test.each(table)("%s", (_name, before, after, told) => {
    const events = changesOf(before, after, 7);
    expect(events.map(({ what, message }) => (message === undefined ? what : `${what}: ${message}`))).toEqual(told);
    for (const event of events) expect(event).toMatchObject({ at: 7, role: "gateway", instance: "it" });
  });
});

test("a worker's pool is told", () => {
  const worker = instanceOf("w", { role: "worker", pool: "chat", of: "worker-chat" });
  expect(changesOf([], [worker], 7)[0]).toEqual({
    at: 7,
    role: "worker",
    instance: "w",
    pool: "chat",
    what: "starting",
  });
});

test("those that have gone come before those that came", () => {
  const events = changesOf([instanceOf("a")], [instanceOf("b", { state: "starting" })], 7);
  expect(events.map(({ instance, what }) => `${instance} ${what}`)).toEqual(["a stopped", "b starting"]);
});
