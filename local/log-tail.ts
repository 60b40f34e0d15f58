import { open } from "node:fs/promises";

/** One line of a process's log. */
export interface LogLine {
  /** Absent where the line is not one of ours: what a handler printed, a stack. */
  level?: string;
  text: string;
}

const MAX_READ = 256 * 1024;

const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** A line as a person wants to read it: the message, the error's and the fields that are short. */
export const readLogLine = (line: string): LogLine => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return { text: line };
  }
  if (typeof parsed !== "object" || parsed === null || !("level" in parsed) || !("msg" in parsed))
    return { text: line };
  const {
    level,
    msg,
    err,
    time: _time,
    role: _role,
    instance: _instance,
    ...fields
  } = parsed as Record<string, unknown>;
  const error = typeof err === "object" && err !== null && "message" in err ? textOf(err.message) : undefined;
  const rest = Object.entries(fields)
    .filter(([key, value]) => key !== "pid" && key !== "hostname" && typeof value !== "object")
    .map(([key, value]) => `${key}=${String(value)}`);
  const message = [textOf(msg) ?? "", ...(error === undefined ? [] : [error.split("\n")[0]])].join(": ");
  return { level: textOf(level) ?? "info", text: [message, ...rest].join(" ") };
};

/** Follows a file that another process appends to, from `offset` on. Each read takes in a bounded part; the rest comes with the next. */
export const tail = (file: string, offset: number, onLine: (line: LogLine) => void, everyMs = 200): AsyncDisposable => {
  const buffer = Buffer.alloc(MAX_READ);
  const decoder = new TextDecoder();
  let position = offset;
  let rest = "";
  let reading: Promise<boolean> | undefined;
  const read = async (): Promise<boolean> => {
    const handle = await open(file, "r");
    try {
      const { bytesRead } = await handle.read(buffer, 0, MAX_READ, position);
      position += bytesRead;
      const lines = (rest + decoder.decode(buffer.subarray(0, bytesRead), { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") onLine(readLogLine(line));
      if (rest.length > MAX_READ) rest = "";
      return bytesRead === MAX_READ;
    } finally {
      await handle.close();
    }
  };
  const look = () =>
    (reading ??= read()
      .catch(() => false)
      .finally(() => (reading = undefined)));
  const timer = setInterval(() => void look(), everyMs);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await reading;
      for (let i = 0; i < 16 && (await look()); i++);
      if (rest !== "") onLine(readLogLine(rest));
    },
  };
};
