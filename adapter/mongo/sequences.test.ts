import { expect, test } from "@jest/globals";
import { createSequences, documentId } from "./sequences.ts";

test("what lies between two documents of a process is missing, once, whatever others insert", () => {
  const { missing, add } = createSequences();
  const cases: [string | object, string[]][] = [
    ["a.z", []],
    ["b.1", []],
    ["a.12", ["a.10", "a.11"]],
    ["b.2", []],
    ["a.10", []],
    ["a.13", []],
    ["of nobody", []],
    [{}, []],
    [documentId("b", 2000), []],
  ];
  for (const [id, ids] of cases) {
    expect([id, missing(id)]).toEqual([id, ids]);
    add(id);
  }
});
