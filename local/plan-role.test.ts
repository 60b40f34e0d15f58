import { describe, expect, test } from "@jest/globals";
import type { InstanceState } from "#operator";
import { planRole } from "./plan-role.ts";

/** "new ready" → an instance of the wanted configuration that is ready. */
const seen = (...all: string[]) =>
  all.map((text, index) => {
    const [configHash = "", state = ""] = text.split(" ");
    return { instance: String(index), configHash, state: state as InstanceState };
  });

describe("surge", () => {
  const cases: [string, string[], number, number, string[]][] = [
    ["nothing runs: all are started", [], 2, 2, []],
    ["as many as wanted: nothing", ["new ready", "new ready"], 2, 0, []],
    ["one waits for its restart: it is there", ["new ready", "new backoff"], 2, 0, []],
    ["one goes: it is no longer there", ["new ready", "new stopping"], 2, 1, []],
    ["too many: the last goes", ["new ready", "new ready", "new ready"], 2, 0, ["2"]],
    ["too many: one that is not ready goes first", ["new failing", "new ready", "new ready"], 2, 0, ["0"]],
    ["none wanted: all go", ["new ready", "new ready"], 0, 0, ["1", "0"]],
    ["a new configuration: one more is started first", ["old ready", "old ready"], 2, 1, []],
    ["the new one is not ready: the old stay", ["old ready", "old ready", "new starting"], 2, 0, []],
    ["the new one fails: the old stay", ["old ready", "old ready", "new failing"], 2, 0, []],
    ["the new one is ready: one old goes, the next new comes", ["old ready", "old ready", "new ready"], 2, 1, ["1"]],
    ["all new are ready: the last old goes", ["old ready", "new ready", "new ready"], 2, 0, ["0"]],
    ["an old one that does not serve goes at once", ["old failing", "old ready"], 2, 2, ["0"]],
    ["a single one has its replacement first", ["old ready"], 1, 1, []],
    ["new and fewer: what is too many goes while the new one comes", ["old ready", "old ready"], 1, 1, ["1"]],
    ["new and more: all that are missing, and one", ["old ready", "old ready"], 4, 3, []],
  ];
  test.each(cases)("%s", (_given, all, count, start, stop) => {
    expect(planRole(seen(...all), { count, configHash: "new", roll: "surge" })).toEqual({ start, stop });
  });
});

describe("blueGreen", () => {
  const cases: [string, string[], number, number, string[]][] = [
    ["nothing runs: all are started", [], 2, 2, []],
    ["a new configuration: all new ones are started, the old stay", ["old ready", "old ready"], 2, 2, []],
    ["some new are ready: the old stay", ["old ready", "old ready", "new ready", "new starting"], 2, 0, []],
    ["all new are ready: all old go together", ["old ready", "old ready", "new ready", "new ready"], 2, 0, ["0", "1"]],
    ["one of the new fails: the old stay", ["old ready", "old ready", "new ready", "new failing"], 2, 0, []],
    ["an old one that does not serve goes at once", ["old failing", "old ready"], 2, 2, ["0"]],
    ["new and fewer: all old stay until it is ready", ["old ready", "old ready"], 1, 1, []],
    ["new and more: all are started", ["old ready", "old ready"], 4, 4, []],
    ["none wanted: all go", ["old ready", "new ready"], 0, 0, ["0", "1"]],
    [
      "an overtaken one that is not ready goes, one that is stays with the rest",
      ["old starting", "old ready"],
      1,
      1,
      ["0"],
    ],
    ["too many of the same: the last goes", ["new ready", "new ready", "new ready"], 2, 0, ["2"]],
    ["one goes: another is started at once", ["new ready", "new stopping"], 2, 1, []],
  ];
  test.each(cases)("%s", (_given, all, count, start, stop) => {
    expect(planRole(seen(...all), { count, configHash: "new", roll: "blueGreen" })).toEqual({ start, stop });
  });
});

describe("replace", () => {
  const cases: [string, string[], number, string[]][] = [
    ["nothing runs: it is started", [], 1, []],
    ["the old one goes first", ["old ready"], 0, ["0"]],
    ["while it goes, nothing is started", ["old stopping"], 0, []],
  ];
  test.each(cases)("%s", (_given, all, start, stop) => {
    expect(planRole(seen(...all), { count: 1, configHash: "new", roll: "replace" })).toEqual({ start, stop });
  });
});
