import { lookup } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import { peersFile } from "#crds";
import { listeners, type Log } from "#process";
import type { Peers } from "./port.ts";

interface LookOptions {
  log: Log;
  /** ms between looks that nobody asks for. */
  everyMs?: number;
}

/** Peers by `read`, again and again; one that fails later keeps what was there. */
const lookingAt = (
  what: string,
  first: readonly string[],
  read: () => Promise<string[]>,
  { log, everyMs = 5000 }: LookOptions,
): Peers & Disposable => {
  const changed = listeners<[readonly string[]]>();
  let current = first;
  let failing = false;
  let looking: Promise<void> | undefined;
  const look = async () => {
    try {
      const next = (await read()).sort();
      failing = false;
      if (next.join() === current.join()) return;
      current = next;
      changed.call(next);
    } catch (error) {
      if (!failing) log.warn({ err: error, what }, "peers cannot be looked up; the last ones stay");
      failing = true;
    }
  };
  const refresh = () => (looking ??= look().finally(() => (looking = undefined)));
  const timer = setInterval(() => void refresh(), everyMs);
  timer.unref();
  return { current: () => current, onChange: changed.add, refresh, [Symbol.dispose]: () => clearInterval(timer) };
};

/** Peers from the file that a laptop's supervisor keeps (PEERS_FILE). Rejects where it cannot be read the first time. */
export const filePeers = async (path: string, options: LookOptions): Promise<Peers & Disposable> => {
  const read = async () => [...peersFile.parse(JSON.parse(await readFile(path, "utf8"))).links];
  return lookingAt(path, (await read()).sort(), read, { everyMs: 1000, ...options });
};

/** Peers from the name of a Service that has the addresses of all gateways, ready or not (PEERS_HOST). Resolves before the first answer. */
export const dnsPeers = (
  host: string,
  port: number,
  {
    resolve = (name) => lookup(name, { all: true }),
    ...options
  }: LookOptions & {
    resolve?: (host: string) => Promise<{ address: string; family: number }[]>;
  },
): Peers & Disposable => {
  const read = async () =>
    (await resolve(host)).map(({ address, family }) => (family === 6 ? `[${address}]:${port}` : `${address}:${port}`));
  return lookingAt(host, [], read, options);
};
