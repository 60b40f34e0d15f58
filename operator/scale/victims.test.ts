import { expect, test } from "@jest/globals";
import { instanceOf, signalOf } from "../testing.ts";
import { victims } from "./victims.ts";

const inHand = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ id: String(i), event: "e", attempt: 1, since: 0 }));
const worker = (node: string, count: number) => ({ node, pool: "a", inHand: inHand(count), done: 0, failed: 0 });
const all = ["w-0", "w-1", "w-2"].map((name) => instanceOf(name));
const { snapshot } = signalOf({ workers: [worker("w-0-ab12", 1), worker("w-1-cd34", 5), worker("w-2-ef56", 3)] });

test.each([
  ["the emptiest goes first", all, 1, snapshot, ["w-0"]],
  ["then the next", all, 2, snapshot, ["w-0", "w-2"]],
  ["the latest, where nothing is known", all, 2, undefined, ["w-2", "w-1"]],
  ["one that is not ready before any", [...all, instanceOf("w-3", { state: "failing" })], 1, snapshot, ["w-3"]],
  ["nobody, where there is no surplus", all, -1, snapshot, []],
])("%s", (_then, instances, surplus, seen, expected) => {
  expect(victims(instances, surplus, seen)).toEqual(expected);
});
