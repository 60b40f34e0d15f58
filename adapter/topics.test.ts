import { expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import { busMetrics } from "./metrics.ts";
import { createTopics } from "./topics.ts";

const start = () => {
  const registry = new Registry();
  const heard: string[] = [];
  const listener = (name: string) => () => void heard.push(name);
  return { heard, listener, registry, topics: createTopics({ metrics: busMetrics(registry), log: silentLog() }) };
};
const message = new Uint8Array(0);

test("a listener of several topics hears once what is published to them all, however often it was added", () => {
  const { topics, heard, listener } = start();
  const [a, b] = [listener("a"), listener("b")];
  expect([topics.add("x", a), topics.add("x", a), topics.add("x", b), topics.add("y", a)]).toEqual([
    true,
    false,
    false,
    true,
  ]);
  topics.deliver(["x", "y", "z"], message);
  topics.deliver("x", message);
  topics.deliver("y", message);
  topics.deliver("z", message);
  expect(heard).toEqual(["a", "b", "a", "b", "a"]);
});

test("a topic's last listener is told from the others", () => {
  const { topics, heard, listener } = start();
  const a = listener("a");
  topics.add("x", a);
  topics.add("x", a);
  expect([topics.remove("x", listener("other")), topics.remove("x", a)]).toEqual([false, false]);
  topics.deliver("x", message);
  expect([topics.remove("x", a), topics.remove("x", a), topics.has("x")]).toEqual([true, false, false]);
  topics.deliver("x", message);
  expect(heard).toEqual(["a"]);
});

test("one that throws is counted, and the others hear", async () => {
  const { topics, heard, listener, registry } = start();
  topics.add("x", () => {
    throw new Error("of the test");
  });
  topics.add("x", listener("b"));
  topics.deliver(["x"], message);
  expect(heard).toEqual(["b"]);
  expect(await registry.metrics()).toMatch(/malformed_total 1[^]*received_total 1/);
});
