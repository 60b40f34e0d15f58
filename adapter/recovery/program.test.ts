import { describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import { createProgram, type Program } from "./program.ts";

const started = () => {
  const program = createProgram();
  const done: string[] = [];
  return { program, done, behind: (what: string) => program.behind(() => void done.push(what)) };
};

describe("what is said behind what was said before", () => {
  test("goes out at once where nothing is under way", () => {
    const { behind, done } = started();
    behind("a");
    expect(done).toEqual(["a"]);
  });
  const cases: [string, (program: Program, numbers: number[]) => void, string[]][] = [
    ["nothing has come back", () => {}, []],
    ["the first has come back", (program) => program.landed(1), ["behind 1"]],
    ["both have come back", (program) => [1, 2].forEach((it) => program.landed(it)), ["behind 1", "behind 2"]],
    ["the second has, so the first never will", (program) => program.landed(2), ["behind 1", "behind 2"]],
    ["the second has failed, the first is under way", (program) => program.failed(2), []],
    [
      "the second has failed, then the first came back",
      (program) => {
        program.failed(2);
        program.landed(1);
      },
      ["behind 1", "behind 2"],
    ],
    ["nobody knows", (program) => program.giveUp(), ["behind 1", "behind 2"]],
  ];
  test.each(cases)("given two under way, when %s", (_when, happen, expected) => {
    const { program, behind, done } = started();
    const first = program.next();
    behind("behind 1");
    const second = program.next();
    behind("behind 2");
    happen(program, [first, second]);
    expect(done).toEqual(expected);
  });
  test("what an act says directly goes out with it, and behind what the act itself says first", () => {
    const { program, behind, done } = started();
    program.next();
    program.behind(() => {
      behind("within");
      program.next();
      behind("behind what the act said");
    });
    program.next();
    program.landed(1);
    expect(done).toEqual(["within"]);
    program.landed(3);
    expect(done).toEqual(["within", "behind what the act said"]);
  });
  test("goes out after some seconds in any case, and that is told", async () => {
    let now = 0;
    let late = 0;
    const done: string[] = [];
    const program = createProgram({ clock: () => now, late: (acts) => (late += acts) });
    program.next();
    program.behind(() => void done.push("a"));
    now = 5000;
    await eventually(() => expect(done).toEqual(["a"]));
    expect(late).toBe(1);
  });
});
