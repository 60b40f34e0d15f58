import { deadLetter } from "#crds";
import { z } from "zod";
import { findRunning } from "./running.ts";
import type { Terminal } from "./terminal.ts";
import { UserError } from "./user-error.ts";

const letters = z.object({ letters: z.array(deadLetter) });
const redriven = z.object({ count: z.number() });
const refusal = z.object({ error: z.object({ message: z.string() }) });

const answerOf = async <T extends z.ZodType>(response: Response, schema: T): Promise<z.infer<T>> => {
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return schema.parse(body);
  const refused = refusal.safeParse(body);
  throw new UserError(refused.success ? refused.data.error.message : `the gateway answered ${response.status}`);
};

/** Prints the oldest dead letters of a pool. */
export const listDead = async (pool: string, file: string | undefined, out: Terminal): Promise<void> => {
  const { ask } = await findRunning(file);
  const found = await answerOf(await ask(`/dead/${encodeURIComponent(pool)}?limit=100`), letters);
  if (found.letters.length === 0) return out.line(`${pool}: no dead letters`);
  out.table([
    ["ID", "EVENT", "USER", "REASON", "ATTEMPTS", "DIED", "ERROR"],
    ...found.letters.map(({ job, reason, attempts, at, error }) => [
      job.id,
      job.event,
      job.user ?? "",
      reason,
      String(attempts),
      new Date(at).toISOString(),
      (error ?? "").split("\n")[0] ?? "",
    ]),
  ]);
};

/** Puts dead letters of a pool back as first attempts: those of `ids`, or all. */
export const redriveDead = async (
  pool: string,
  { file, ids }: { file?: string; ids?: readonly string[] },
  out: Terminal,
): Promise<void> => {
  const { ask } = await findRunning(file);
  const response = await ask(`/dead/${encodeURIComponent(pool)}/redrive`, {
    method: "POST",
    body: JSON.stringify(ids === undefined ? {} : { ids }),
    signal: AbortSignal.timeout(60_000),
  });
  const { count } = await answerOf(response, redriven);
  out.line(`${pool}: ${count} put back`);
};
