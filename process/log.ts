import { pino, type Logger } from "pino";

export type Log = Logger;

/** A logger that writes JSON lines to standard output: constant messages, fields beside them, never secrets or payloads. */
export const createLog = (level: string, fields: Record<string, unknown>): Log =>
  pino({
    level,
    base: fields,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });

/** A logger that says nothing, for tests and tools. */
export const silentLog = (): Log => pino({ level: "silent" });
