import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import type { Log } from "./log.ts";

/** A value that is read from disk and read again when it changes. Disposing stops the watching. */
export interface Watched<T> extends Disposable {
  current(): T;
  onChange(listener: (value: T) => void): Disposable;
}

interface WatchOptions {
  log: Log;
  /** ms between looks; mounted Secrets and ConfigMaps change by symlink swap, which file notifications miss. */
  everyMs?: number;
}

/** Watches whatever `read` gives; `read` that throws later keeps the last value and logs. Throws where the first read does. */
export const watched = async <T>(
  what: string,
  read: () => Promise<T>,
  { log, everyMs = 1000 }: WatchOptions,
): Promise<Watched<T>> => {
  let value = await read();
  let seen = JSON.stringify(value);
  let failing = false;
  const listeners = new Set<(value: T) => void>();
  const look = async () => {
    try {
      const next = await read();
      failing = false;
      const text = JSON.stringify(next);
      if (text === seen) return;
      seen = text;
      value = next;
      for (const listener of listeners) listener(next);
    } catch (error) {
      if (!failing) log.warn({ err: error, what }, "cannot be read again; the last value stays");
      failing = true;
    }
  };
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => (looking = false));
  }, everyMs);
  timer.unref();
  return {
    current: () => value,
    onChange: (listener) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
};

/** A JSON file by `schema`. */
export const watchJson = <T extends z.ZodType>(
  path: string,
  schema: T,
  options: WatchOptions,
): Promise<Watched<z.infer<T>>> =>
  watched(path, async () => schema.parse(JSON.parse(await readFile(path, "utf8"))), options);

/** A text file, trimmed: one key of a mounted Secret. */
export const watchText = (path: string, options: WatchOptions): Promise<Watched<string>> =>
  watched(path, async () => (await readFile(path, "utf8")).trim(), options);

/** A directory of small files, name → trimmed content: a mounted Secret. */
export const readDirectory = async (path: string): Promise<Record<string, string>> => {
  const names = (await readdir(path)).filter((name) => !name.startsWith("."));
  const entries = await Promise.all(
    names.map(async (name) => {
      const file = join(path, name);
      return (await stat(file)).isFile() ? [[name, (await readFile(file, "utf8")).trim()] as const] : [];
    }),
  );
  return Object.fromEntries(entries.flat().sort(([a], [b]) => a.localeCompare(b)));
};

export const watchDirectory = (path: string, options: WatchOptions): Promise<Watched<Record<string, string>>> =>
  watched(path, () => readDirectory(path), options);
