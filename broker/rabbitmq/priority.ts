import { createHash } from "node:crypto";

/** A worker's rank for a partition: the highest gets it (rendezvous hashing), so that each of n workers has a share and one that comes or goes moves only its own. */
export const priorityOf = (node: string, partition: number): number =>
  createHash("sha256").update(`${partition}/${node}`).digest().readUInt32BE() >>> 1;
