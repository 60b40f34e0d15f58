import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface NodeProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Lines of standard output and error so far. */
  readonly lines: readonly string[];
  /** What it sent over IPC so far. */
  readonly messages: readonly unknown[];
  send(message: object): void;
  /** Resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Resolves with the exit code, null where a signal ended it. */
  exited: Promise<number | null>;
}

/** Runs a program as a process of its own, with an IPC channel. Killed when disposed. */
export const spawnProgram = (
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): NodeProcess => {
  const { NODE_OPTIONS: _ofJest, ...inherited } = process.env;
  const child = spawn(command, args, {
    env: { ...inherited, ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const lines: string[] = [];
  const messages: unknown[] = [];
  const exited = once(child, "exit").then(([code]: (number | null)[]) => code ?? null);
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null) createInterface({ input: stream }).on("line", (line) => lines.push(line));
  child.on("message", (message) => messages.push(message));
  const kill = async (signal: NodeJS.Signals = "SIGKILL") => {
    child.kill(signal);
    await exited;
  };
  return {
    child,
    pid: child.pid ?? -1,
    lines,
    messages,
    send: (message) => void child.send(message),
    kill,
    exited,
    [Symbol.asyncDispose]: () => kill(),
  };
};

/** Runs a TypeScript file, likewise. */
export const spawnNode = (file: string, env: Record<string, string> = {}, args: readonly string[] = []): NodeProcess =>
  spawnProgram(process.execPath, [file, ...args], env);
