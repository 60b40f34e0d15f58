import type { Answer } from "./cluster-message.ts";

interface Asked {
  heard: (answer: Answer) => void;
  missing: Set<string>;
  lost: string[];
  settled: ((missing: string[]) => void) | undefined;
  timer: NodeJS.Timeout;
}

/** What this node has asked others and is not fully answered. */
export interface Questions {
  /**
   * `heard` gets each answer; `settled` is called once, with those of `nodes` whose whole answer is missing: when all have answered or are
   * gone, else after `timeoutMs`. Who said goodbye is not missing. Returns the question's number.
   */
  ask(question: {
    nodes: Iterable<string>;
    timeoutMs: number;
    heard: (answer: Answer) => void;
    settled?: (missing: string[]) => void;
  }): number;
  take(answer: Answer): void;
  /** Nobody waits for the node any more: it said goodbye, or fell silent. */
  gone(node: string, goodbye: boolean): void;
}

export const createQuestions = (): Questions => {
  const open = new Map<number, Asked>();
  let last = 0;
  const drop = (number: number, asked: Asked, node: string, lost = false) => {
    if (!asked.missing.delete(node)) return;
    if (lost) asked.lost.push(node);
    if (asked.missing.size > 0 || asked.settled === undefined) return;
    clearTimeout(asked.timer);
    open.delete(number);
    asked.settled(asked.lost);
  };
  return {
    ask: ({ nodes, timeoutMs, heard, settled }) => {
      last += 1;
      const number = last;
      const missing = new Set(nodes);
      const lost: string[] = [];
      const timer = setTimeout(() => {
        open.delete(number);
        settled?.([...lost, ...missing]);
      }, timeoutMs);
      open.set(number, { heard, missing, lost, settled, timer });
      return number;
    },
    take: (answer) => {
      const asked = open.get(answer.request);
      if (asked === undefined) return;
      asked.heard(answer);
      if (answer.kind === "whole") drop(answer.request, asked, answer.from);
    },
    gone: (node, goodbye) => {
      for (const [number, asked] of open) drop(number, asked, node, !goodbye);
    },
  };
};
