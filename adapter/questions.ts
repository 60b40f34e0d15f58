import type { Answer } from "./cluster-message.ts";

interface Asked {
  heard: (answer: Answer) => void;
  missing: Set<string>;
  settled: ((missing: number) => void) | undefined;
  timer: NodeJS.Timeout;
}

/** What this node has asked others and is not fully answered. */
export interface Questions {
  /**
   * `heard` gets each answer; `settled` is called once: with 0 when all of `nodes` have given their whole answer (or left), else after
   * `timeoutMs` with how many are missing. Returns the question's number.
   */
  ask(question: {
    nodes: Iterable<string>;
    timeoutMs: number;
    heard: (answer: Answer) => void;
    settled?: (missing: number) => void;
  }): number;
  take(answer: Answer): void;
  /** The node is gone: nobody waits for it any more. */
  gone(node: string): void;
}

export const createQuestions = (): Questions => {
  const open = new Map<number, Asked>();
  let last = 0;
  const drop = (number: number, asked: Asked, node: string) => {
    if (!asked.missing.delete(node) || asked.missing.size > 0 || asked.settled === undefined) return;
    clearTimeout(asked.timer);
    open.delete(number);
    asked.settled(0);
  };
  return {
    ask: ({ nodes, timeoutMs, heard, settled }) => {
      last += 1;
      const number = last;
      const missing = new Set(nodes);
      const timer = setTimeout(() => {
        open.delete(number);
        settled?.(missing.size);
      }, timeoutMs);
      open.set(number, { heard, missing, settled, timer });
      return number;
    },
    take: (answer) => {
      const asked = open.get(answer.request);
      if (asked === undefined) return;
      asked.heard(answer);
      if (answer.kind === "whole") drop(answer.request, asked, answer.from);
    },
    gone: (node) => {
      for (const [number, asked] of open) drop(number, asked, node);
    },
  };
};
