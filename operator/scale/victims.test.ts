import { expect, test } from "@jest/globals";
import { instanceOf } from "../testing.ts";
import { victims } from "./victims.ts";

const all = ["w-0", "w-1", "w-2"].map((name) => instanceOf(name));
const failing = instanceOf("w-3", { state: "failing" });
const known = new Map([
  ["w-0", 1],
  ["w-1", 5],
  ["w-2", 0],
]);
const silent = new Map([...known, ["w-2", undefined] as const]);

test.each([
  ["the emptiest goes first", all, { surplus: 1, inHand: known }, ["w-2"]],
  ["then the next", all, { surplus: 2, inHand: known }, ["w-2", "w-0"]],
  ["the latest, where all have nothing", all, { surplus: 2, inHand: new Map() }, ["w-2", "w-1"]],
  ["one that is not ready before any", [...all, failing], { surplus: 1, inHand: known }, ["w-3"]],
  ["one that does not tell after all that do", all, { surplus: 3, inHand: silent }, ["w-0", "w-1", "w-2"]],
  [
    "one that is cut off does not go for not being ready",
    [...all, instanceOf("w-3", { state: "starting" })],
    { surplus: 1, inHand: new Map([...known, ["w-3", undefined] as const]) },
    ["w-2"],
  ],
  ["nobody, where there is no surplus", all, { surplus: -1, inHand: known }, []],
])("%s", (_then, instances, chosen, expected) => {
  expect(victims(instances, chosen)).toEqual(expected);
});
