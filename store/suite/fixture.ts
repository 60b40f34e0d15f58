import type { LedgerEntry, Store } from "../port.ts";

/** A server of the suite's own, to be killed and started again at the same address. */
export interface StoreServer extends AsyncDisposable {
  open(cluster: string, node?: string): Promise<Store>;
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** A driver under test. */
export interface StoreSubject {
  /** Opens one more store on the server that all cases share. */
  open(cluster: string, node?: string): Promise<Store>;
  server(): Promise<StoreServer>;
  /** Connections of a node that has many. Default: 1,200; for a server that finds one by reading all, fewer. */
  many?: number;
  /** Finished jobs of a pool that its ledger keeps. Default: 10,000. */
  finished?: number;
  dispose?(): Promise<void>;
}

/** The two stores of one cluster that the cases share; there once the cases run. */
export type Stores = () => readonly [Store, Store];

/** Names that a driver must take as they are. */
export const NAMES = [
  ["plain", "lobby"],
  ["dotted", "a.b.c"],
  ["starred", "room:*"],
  ["braced", "{a}{b}"],
  ["with spaces, quotes and newlines", ` "a" 'b'\n`],
  ["with a NUL", "a\0b"],
  ["unicode", "žluťoučký 🐎 部屋"],
  ["like an object's own", "__proto__"],
  ["of 1,000 characters", "x".repeat(1000)],
] as const;

/** A ledger entry of a job that waits. */
export const job = (given: Partial<LedgerEntry> & { id: string }): LedgerEntry => ({
  user: "ann",
  pool: "chat",
  event: "chat:slow",
  state: "queued",
  attempt: 1,
  ...given,
});

/** Orders by a text. */
export const by =
  <T>(key: (item: T) => string) =>
  (a: T, b: T) =>
    key(a) < key(b) ? -1 : 1;
