import { spawn } from "node:child_process";
import { once } from "node:events";

export interface CommandOptions {
  /** Standard input. */
  input?: string;
  /** Killed after it; 2 minutes. */
  timeoutMs?: number;
  /** Its output goes to ours as well, as it comes. */
  shown?: boolean;
  env?: Record<string, string>;
  signal?: AbortSignal;
}

/** Runs a program to its end and resolves with its standard output. Rejects with an Error that has what it said, where it fails. */
export const run = async (
  program: string,
  args: readonly string[],
  { input, timeoutMs = 120_000, shown = false, env = {}, signal }: CommandOptions = {},
): Promise<string> => {
  const { NODE_OPTIONS: _ofJest, ...inherited } = process.env;
  const child = spawn(program, args, {
    env: { ...inherited, ...env },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    ...(signal === undefined ? {} : { signal }),
  });
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    if (shown) process.stdout.write(text);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
    if (shown) process.stderr.write(text);
  });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [code]: (number | null)[] = await once(child, "close");
  if (code === 0) return output;
  const why = code === null ? `was killed (after at most ${timeoutMs / 1000} s)` : `ended with ${code}`;
  throw new Error(`${program} ${args.join(" ")} ${why}: ${(errors || output).trim().slice(-2000)}`);
};
