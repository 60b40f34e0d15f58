import { Binary } from "mongodb";

/** A message as it lies in the collection: `t` the topics, `m` the bytes, or (written by hand, in any language) their text. */
export interface BusMessage {
  t: readonly string[];
  m: Uint8Array;
}

/** What a process inserts: one message, or in `b` several, in their order. */
export type BusDocument = { _id: string } & (BusMessage | { b: readonly BusMessage[] });

const topicsOf = (t: unknown): readonly string[] | undefined => {
  if (typeof t === "string") return [t];
  return Array.isArray(t) && t.every((topic) => typeof topic === "string") ? t : undefined;
};

const bytesOf = (m: unknown): Uint8Array | undefined => {
  if (m instanceof Uint8Array) return m;
  if (typeof m === "string") return Buffer.from(m);
  return m instanceof Binary ? m.value() : undefined;
};

const readMessage = (it: unknown): BusMessage[] | undefined => {
  if (typeof it !== "object" || it === null || !("t" in it)) return undefined;
  const t = topicsOf(it.t);
  // One for nobody marks a place.
  if (t?.length === 0) return [];
  const m = "m" in it ? bytesOf(it.m) : undefined;
  return t === undefined || m === undefined ? undefined : [{ t, m }];
};

/** The messages of a document, as far as they can be read, and whether all could. */
export const readDocument = (document: Record<string, unknown>): { messages: BusMessage[]; isWhole: boolean } => {
  const { b } = document;
  const read = (Array.isArray(b) ? b : [document]).map(readMessage);
  return { messages: read.flatMap((it) => it ?? []), isWhole: !read.includes(undefined) };
};
