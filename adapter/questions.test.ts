import { describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import type { Answer } from "./cluster-message.ts";
import { createQuestions } from "./questions.ts";

const answer = (request: number, from: string, kind: Answer["kind"] = "whole"): Answer => ({
  request,
  from,
  kind,
  count: 0,
  frames: [],
});

describe("a question to other nodes", () => {
  const ask = (nodes: string[], timeoutMs = 60_000) => {
    const questions = createQuestions();
    const heard: string[] = [];
    const settled: string[][] = [];
    const number = questions.ask({
      nodes,
      timeoutMs,
      heard: ({ from }) => heard.push(from),
      settled: (missing) => settled.push(missing),
    });
    return { questions, number, heard, settled };
  };
  test("is settled when all have answered", () => {
    const { questions, number, heard, settled } = ask(["a", "b"]);
    questions.take(answer(number, "a"));
    expect(settled).toEqual([]);
    questions.take(answer(number, "b"));
    expect({ heard, settled }).toEqual({ heard: ["a", "b"], settled: [[]] });
  });
  test.each([
    ["who said goodbye, and does not miss him", true, []],
    ["who fell silent, and says so", false, ["b"]],
  ])("does not wait for %s", (_who, goodbye, missing) => {
    const { questions, number, settled } = ask(["a", "b"]);
    questions.gone("b", goodbye);
    expect(settled).toEqual([]);
    questions.take(answer(number, "a"));
    expect(settled).toEqual([missing]);
  });
  test("takes no part of an answer for the whole, and no answer after the end", () => {
    const { questions, number, heard, settled } = ask(["a"]);
    questions.take(answer(number, "a", "ack"));
    expect(settled).toEqual([]);
    questions.take(answer(number, "a"));
    questions.take(answer(number, "a"));
    expect({ heard, settled }).toEqual({ heard: ["a", "a"], settled: [[]] });
  });
  test("ends by its timeout with who is missing", async () => {
    const { questions, number, settled } = ask(["a", "b", "c"], 10);
    questions.take(answer(number, "b"));
    await eventually(() => expect(settled).toEqual([["a", "c"]]));
  });
});
