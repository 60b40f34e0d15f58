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
    const settled: number[] = [];
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
    expect({ heard, settled }).toEqual({ heard: ["a", "b"], settled: [0] });
  });
  test("does not wait for who is gone", () => {
    const { questions, number, settled } = ask(["a", "b"]);
    questions.take(answer(number, "a"));
    questions.gone("b");
    expect(settled).toEqual([0]);
  });
  test("takes no part of an answer for the whole, and no answer after the end", () => {
    const { questions, number, heard, settled } = ask(["a"]);
    questions.take(answer(number, "a", "ack"));
    expect(settled).toEqual([]);
    questions.take(answer(number, "a"));
    questions.take(answer(number, "a"));
    expect({ heard, settled }).toEqual({ heard: ["a", "a"], settled: [0] });
  });
  test("ends by its timeout with how many are missing", async () => {
    const { questions, number, settled } = ask(["a", "b", "c"], 10);
    questions.take(answer(number, "b"));
    await eventually(() => expect(settled).toEqual([2]));
  });
});
