import { z } from "zod";
import type { Depth } from "../index.ts";
import { decodeJob, type DeadLetter, type Job, type Pool } from "#crds";
import type { Asker, LetterPart } from "./asker.ts";

const depth = z.object({
  ready: z.number(),
  blocked: z.number().optional(),
  unacked: z.number(),
  dead: z.number(),
});

const jobOf = ({ id, bytes, death }: LetterPart): Job => {
  try {
    return decodeJob(bytes);
  } catch {
    return { v: 1, id, event: "malformed", payload: bytes, mode: "job", at: death.at };
  }
};

/** The port's `Inspector` by queue; what it tells is exact. */
export const createInspector = ({ asker }: { asker: Asker }) => ({
  depth: async (queue: string): Promise<Depth> => {
    const { value } = await asker.ask((ref) => ["depth", ref, queue]);
    return depth.parse(value);
  },
  deadLetters: async (pool: Pool, queue: string, limit: number): Promise<DeadLetter[]> => {
    const { parts } = await asker.ask((ref) => ["letters", ref, queue, limit]);
    return parts.map((part) => ({ job: jobOf(part), pool: pool.name, attempts: part.attempts, ...part.death }));
  },
  redrive: async (queue: string, ids: readonly string[] | undefined): Promise<number> => {
    const { value } = await asker.ask((ref) => ["redrive", ref, queue, ids === undefined ? null : [...ids]]);
    return z.number().parse(value);
  },
});
