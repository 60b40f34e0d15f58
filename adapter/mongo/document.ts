import { Binary } from "mongodb";

/** A large message's bytes are in the collection beside: its pieces are `<id>.0` and on. */
export interface LargeRef {
  id: string;
  pieces: number;
}

/**
 * A message as it lies in the collection: `t` the topics, `m` the bytes, or (written by hand, in any language) their text, or `l` where
 * they are.
 */
export type BusMessage = { t: readonly string[] } & ({ m: Uint8Array } | { l: LargeRef });

/** What a process inserts: one message, or in `b` several, in their order. */
export type BusDocument = { _id: string } & (BusMessage | { b: readonly BusMessage[] });

/** More would be no message that a publisher takes. */
const MAX_PIECES = 16;

const topicsOf = (t: unknown): readonly string[] | undefined => {
  if (typeof t === "string") return [t];
  return Array.isArray(t) && t.every((topic) => typeof topic === "string") ? t : undefined;
};

/** Bytes as drivers give them, or a text's. */
export const bytesOf = (m: unknown): Uint8Array | undefined => {
  if (m instanceof Uint8Array) return m;
  if (typeof m === "string") return Buffer.from(m);
  return m instanceof Binary ? m.value() : undefined;
};

/** A reference as it was written; undefined where it is none. */
export const largeOf = (l: unknown): LargeRef | undefined => {
  if (typeof l !== "object" || l === null || !("id" in l) || !("pieces" in l)) return undefined;
  const { id, pieces } = l;
  const isCount = typeof pieces === "number" && Number.isInteger(pieces) && pieces > 0 && pieces <= MAX_PIECES;
  return typeof id === "string" && isCount ? { id, pieces } : undefined;
};

const readMessage = (it: unknown): BusMessage[] | undefined => {
  if (typeof it !== "object" || it === null || !("t" in it)) return undefined;
  const t = topicsOf(it.t);
  // One for nobody marks a place.
  if (t === undefined || t.length === 0) return t && [];
  const m = "m" in it ? bytesOf(it.m) : undefined;
  if (m !== undefined) return [{ t, m }];
  const l = "l" in it ? largeOf(it.l) : undefined;
  return l && [{ t, l }];
};

/** The messages of a document, as far as they can be read, and whether all could. */
export const readDocument = (document: Record<string, unknown>): { messages: BusMessage[]; isWhole: boolean } => {
  const { b } = document;
  const read = (Array.isArray(b) ? b : [document]).map(readMessage);
  return { messages: read.flatMap((it) => it ?? []), isWhole: !read.includes(undefined) };
};
