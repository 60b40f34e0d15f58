import { spawn } from "node:child_process";
import { open, rename, stat } from "node:fs/promises";
import { z } from "zod";
import { tail, type LogLine } from "./log-tail.ts";

const message = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready"), ports: z.record(z.string(), z.number()) }),
  z.object({ type: z.literal("leaving") }),
]);

const MAX_LOG_BYTES = 20 * 1024 * 1024;

export interface ChildSpec {
  command: readonly string[];
  env: Record<string, string>;
  cwd: string;
  /** Gets what the child prints; one that is too long is set aside first, as `<file>.1`. */
  logFile: string;
  onLine: (line: LogLine) => void;
}

/** A process of ours: whatever happens to its parent it has a log to write to, and it ends by itself when the parent is gone. */
export interface Child {
  readonly pid: number | undefined;
  /** The ports it reports; never settles where it ends before that. */
  readonly ready: Promise<Record<string, number>>;
  /** It is on its way out, asked or not; never settles where it ends without a word. */
  readonly leaving: Promise<void>;
  /** How it ended, in words, once its last log line was read. */
  readonly exited: Promise<string>;
  signal(signal: NodeJS.Signals): void;
}

const openLog = async (file: string) => {
  const size = await stat(file).then(
    (it) => it.size,
    () => 0,
  );
  if (size > MAX_LOG_BYTES) await rename(file, `${file}.1`);
  return { handle: await open(file, "a"), offset: size > MAX_LOG_BYTES ? 0 : size };
};

/** Starts a process of its own group, so that the terminal's Ctrl-C reaches only the supervisor. */
export const startChild = async ({ command, env, cwd, logFile, onLine }: ChildSpec): Promise<Child> => {
  const { handle, offset } = await openLog(logFile);
  try {
    const child = spawn(process.execPath, [...command], {
      cwd,
      env,
      detached: true,
      stdio: ["ignore", handle.fd, handle.fd, "ipc"],
    });
    const lines = tail(logFile, offset, onLine);
    const ready = Promise.withResolvers<Record<string, number>>();
    const leaving = Promise.withResolvers<void>();
    const exited = Promise.withResolvers<string>();
    child.on("message", (told) => {
      const { data } = message.safeParse(told);
      if (data?.type === "ready") ready.resolve(data.ports);
      if (data?.type === "leaving") leaving.resolve();
    });
    const end = (how: string) => {
      void Promise.resolve(lines[Symbol.asyncDispose]()).finally(() => exited.resolve(how));
    };
    child.once("error", (error) => end(error.message));
    child.once("exit", (code, signal) => end(signal === null ? `exit code ${code}` : `killed by ${signal}`));
    return {
      pid: child.pid,
      ready: ready.promise,
      leaving: leaving.promise,
      exited: exited.promise,
      signal: (signal) => void child.kill(signal),
    };
  } finally {
    await handle.close();
  }
};
