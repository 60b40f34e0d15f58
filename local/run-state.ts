import { readFile } from "node:fs/promises";
import { z } from "zod";
import { writeWhole, type StateDirectory } from "./state-directory.ts";

const condition = z.object({
  type: z.string(),
  status: z.enum(["True", "False", "Unknown"]),
  reason: z.string(),
  message: z.string(),
});

/** What a supervisor writes down of itself, for the other commands. */
export const runState = z.object({
  pid: z.number(),
  cluster: z.string(),
  file: z.string(),
  clients: z.number(),
  api: z.number().optional(),
  instances: z.array(
    z.object({
      instance: z.string(),
      role: z.string(),
      pool: z.string().optional(),
      state: z.string(),
      pid: z.number().optional(),
      restarts: z.number(),
      since: z.number(),
      message: z.string().optional(),
    }),
  ),
  conditions: z.array(condition),
});
export type RunState = z.infer<typeof runState>;

export const writeRunState = (directory: StateDirectory, state: RunState): Promise<void> =>
  writeWhole(directory.state, `${JSON.stringify(runState.parse(state), null, 2)}\n`);

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** The state of the supervisor that runs there; undefined where none does. */
export const readRunState = async (directory: StateDirectory): Promise<RunState | undefined> => {
  const text = await readFile(directory.state, "utf8").catch(() => "null");
  try {
    const state = runState.safeParse(JSON.parse(text));
    return state.success && isAlive(state.data.pid) ? state.data : undefined;
  } catch {
    return undefined;
  }
};
