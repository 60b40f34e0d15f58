import { Refusal, type BrokerCall, type Death } from "#crds";
import type { Say } from "./index.ts";

/** One dead letter as the hub tells it. */
export interface LetterPart {
  id: string;
  attempts: number;
  death: Death;
  bytes: Buffer;
}

interface Question {
  parts: LetterPart[];
  resolve(answer: { value: unknown; parts: LetterPart[] }): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

/** Questions to the hub that wait for their answer; they reject with `broker_unavailable` where none comes. */
export interface Asker {
  ask(call: (ref: number) => BrokerCall): Promise<{ value: unknown; parts: LetterPart[] }>;
  answer(ref: number, value: unknown): void;
  part(ref: number, part: LetterPart): void;
  down(): void;
}

export const createAsker = ({ say, timeoutMs = 5000 }: { say: Say; timeoutMs?: number }): Asker => {
  const questions = new Map<number, Question>();
  let last = 0;
  const settle = (ref: number): Question | undefined => {
    const question = questions.get(ref);
    questions.delete(ref);
    clearTimeout(question?.timer);
    return question;
  };
  return {
    ask: (call) =>
      new Promise((resolve, reject) => {
        const ref = (last += 1);
        const timer = setTimeout(
          () => settle(ref)?.reject(new Refusal("broker_unavailable", "the hub did not answer")),
          timeoutMs,
        );
        questions.set(ref, { parts: [], resolve, reject, timer });
        if (!say(call(ref))) settle(ref)?.reject(new Refusal("broker_unavailable", "the hub is away"));
      }),
    answer: (ref, value) => {
      const question = settle(ref);
      question?.resolve({ value, parts: question.parts });
    },
    part: (ref, part) => void questions.get(ref)?.parts.push(part),
    down: () => {
      for (const ref of questions.keys()) settle(ref)?.reject(new Refusal("broker_unavailable", "the hub went away"));
    },
  };
};
