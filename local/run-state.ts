import { readFile, rm } from "node:fs/promises";
import { z } from "zod";
import { startOf } from "./start-of.ts";
import { createWhole, writeWhole, type StateDirectory } from "./state-directory.ts";

const condition = z.object({
  type: z.string(),
  status: z.enum(["True", "False", "Unknown"]),
  reason: z.string(),
  message: z.string(),
});

/** What a supervisor writes down of itself, for the other commands. */
export const runState = z.object({
  pid: z.number(),
  /** Of the process, as `startOf` says it: a process number comes again. */
  started: z.string(),
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
  /** Counts that follow their load. */
  scaling: z
    .array(
      z.object({
        name: z.string(),
        desired: z.number(),
        actual: z.number(),
        reason: z.string(),
        message: z.string(),
        at: z.string(),
      }),
    )
    .default([]),
});
export type RunState = z.infer<typeof runState>;

const textOf = (state: RunState): string => `${JSON.stringify(runState.parse(state), null, 2)}\n`;

export const writeRunState = (directory: StateDirectory, state: RunState): Promise<void> =>
  writeWhole(directory.state, textOf(state));

/** The state of the supervisor that runs there; undefined where none does. */
export const readRunState = async (directory: StateDirectory): Promise<RunState | undefined> => {
  const text = await readFile(directory.state, "utf8").catch(() => "null");
  try {
    const state = runState.safeParse(JSON.parse(text));
    return state.success && (await startOf(state.data.pid)) === state.data.started ? state.data : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Makes `state` that of the supervisor there, of which there is one: `running` is the one that is there already. `killed`: one before
 * did not end by itself, and its processes may still be stopping.
 */
export const claimRunState = async (
  directory: StateDirectory,
  state: RunState,
): Promise<{ running: RunState | undefined; killed: boolean }> => {
  for (let killed = false; ; killed = true) {
    if (await createWhole(directory.state, textOf(state))) return { running: undefined, killed };
    const running = await readRunState(directory);
    if (running !== undefined) return { running, killed };
    await rm(directory.state, { force: true });
  }
};
