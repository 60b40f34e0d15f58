import { describe, expect, test } from "@jest/globals";
import type { ClusterEvent } from "#crds";
import { describeEvent, describeLine, withoutRepeats } from "./describe.ts";
import { limitLines } from "./limit-lines.ts";
import { createTerminal } from "./terminal.ts";

const recorder = (isTTY: boolean) => {
  const written: string[] = [];
  return { written, isTTY, write: (text: string | Uint8Array) => written.push(String(text)) > 0 };
};
const event = (what: ClusterEvent["what"], message?: string): ClusterEvent => ({
  at: 0,
  role: "worker",
  instance: "w-0",
  what,
  ...(message === undefined ? {} : { message }),
});

describe("colour", () => {
  const cases: [string, boolean, NodeJS.ProcessEnv, boolean][] = [
    ["on a terminal", true, {}, true],
    ["not in a file", false, {}, false],
    ["not where NO_COLOR is set", true, { NO_COLOR: "1" }, false],
    ["where NO_COLOR is empty", true, { NO_COLOR: "" }, true],
    ["not on a dumb terminal", true, { TERM: "dumb" }, false],
  ];
  test.each(cases)("%s", (_given, isTTY, env, expected) => {
    const out = recorder(isTTY);
    const text = createTerminal(out, out, env).paint("red", "x");
    expect(text !== "x").toBe(expected);
  });
});

const plain = createTerminal(recorder(false), recorder(false), {});

test.each([
  [event("ready"), "✓ w-0 ready"],
  [event("exited", "killed by SIGKILL"), "✗ w-0 died: killed by SIGKILL"],
  [event("failing", "it threw"), "✗ w-0 cannot start: it threw; it is tried again until it does"],
  [event("scaled", "mail 2 → 7: backlog 640, target 100"), "⇅ mail 2 → 7: backlog 640, target 100"],
])("an event is one line: %#", (it, text) => {
  expect(describeEvent(plain, it)).toBe(text);
});

test.each([
  ["what a handler prints", { text: "hello" }, "w-0 | hello"],
  ["a warning", { level: "warn", text: "slow" }, "! w-0: slow"],
  ["an error", { level: "error", text: "broken" }, "! w-0: broken"],
  ["not what the event of a failed start says", { level: "fatal", text: "cannot start: it threw" }, undefined],
  ["not what is only information", { level: "info", text: "ready" }, undefined],
])("of the logs is shown %s", (_what, line, text) => {
  expect(describeLine(plain, "w-0", line)).toBe(text);
});

test("the same failure is told once, until it has ended", () => {
  const isNews = withoutRepeats();
  const told = [
    event("failing", "a"),
    event("restarting"),
    event("failing", "a"),
    event("failing", "b"),
    event("ready"),
    event("exited"),
    event("restarting"),
    event("failing", "b"),
  ].map(isNews);
  expect(told).toEqual([true, false, false, true, true, true, true, true]);
});

test("a process that prints without end does not flood the terminal", () => {
  const lines: string[] = [];
  let now = 0;
  const show = limitLines(
    (text) => lines.push(text),
    () => now,
  );
  for (let i = 0; i < 100; i++) show("w-0", String(i));
  show("w-1", "other");
  expect(lines).toHaveLength(21);
  now = 1000;
  show("w-0", "later");
  expect(lines.slice(-2)).toEqual(["w-0: 80 more lines are in its log", "later"]);
});

test("columns are as wide as their widest cell", () => {
  const out = recorder(false);
  createTerminal(out, out, {}).table([
    ["A", "B"],
    ["long one", "x"],
  ]);
  expect(out.written).toEqual(["A         B\n", "long one  x\n"]);
});
