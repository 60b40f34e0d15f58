import type { ScaleRules } from "../topology/model.ts";

/** Why a count is what it is. */
export type Reason = "Backlog" | "Rate" | "Age" | "InHand" | "Connections" | "Lag" | "Minimum" | "Maximum" | "Unknown";

/** How many replicas a load asks for, and why: `detail` is a part of a sentence with the numbers. */
export interface Need {
  need: number;
  reason: Reason;
  detail: string;
}

/** A count that was decided. `from` equals `to` where a load became unknown, or known. */
export interface Decision {
  from: number;
  to: number;
  reason: Reason;
  detail: string;
  /** ms since the epoch. */
  at: number;
}

/** Jobs of a pool. */
export interface WorkerLoad {
  /** ms, the clock of who made the snapshot: the same again says nothing new. */
  at: number;
  /** Waiting, also for a retry or behind one of the same key. */
  ready: number;
  /** Of these, as far as is known, those that wait for a retry or behind one of their key: no hand takes them. Absent: none. */
  blocked?: number;
  unacked: number;
  /** Jobs per second that came, that ended, and of these that failed for good; absent: unknown. */
  inRate?: number;
  outRate?: number;
  failedRate?: number;
}

/** Clients of all gateways. */
export interface GatewayLoad {
  /** Own and carried; of those that drain what they own, since that comes to the others. */
  connections: number;
  /** Gateways of the count that drain. */
  draining: number;
  /** Of the gateways in the middle, how late their event loop is, ms; absent: unknown. */
  lagMs?: number;
}

/** The instances of a role that are not on their way out. */
export interface Fleet {
  ready: number;
  /** Whose report is known. */
  reporting: number;
  /** Jobs in the hands of these, and of the silent ones what they last told. */
  inHand: number;
  /** With something in hand. */
  busy: number;
  /** Serving, or cut off, without a report: what they have in hand is not known. */
  silent: number;
}

export interface Reading {
  load: { jobs: WorkerLoad } | { clients: GatewayLoad } | { unknown: string };
  fleet: Fleet;
}

/** What keeps a count from following its load. */
export interface Doubt {
  /** One CamelCase word. */
  reason: "LoadUnknown" | "InHandUnknown" | "NotReady" | "EveryJobFails" | "Blocked";
  message: string;
}

export interface ScaleInput {
  rules: ScaleRules;
  reading: Reading;
  /** The count as it is wanted now. */
  current: number;
  /** ms since the epoch. */
  now: number;
}
