import { EventEmitter } from "node:events";
import { expect, test } from "@jest/globals";
import { interruptions } from "./interruptions.ts";

test("two signals so close together are one press; a later one is the second", async () => {
  const source = new EventEmitter();
  let now = 0;
  let seconds = 0;
  const interrupted = interruptions(source, () => now);
  interrupted.onSecond(() => seconds++);
  source.emit("SIGINT");
  now = 20;
  source.emit("SIGINT");
  await interrupted.first;
  expect(seconds).toBe(0);
  now = 1000;
  source.emit("SIGINT");
  expect(seconds).toBe(1);
});
