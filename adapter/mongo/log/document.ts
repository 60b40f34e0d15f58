import { z } from "zod";
import { bytesOf, largeOf, type LargeRef } from "../document.ts";

/** An entry whose bytes lie in the collection beside, and how many they are. */
export interface LargeEntry extends LargeRef {
  size: number;
}

/**
 * Some entries that one process appended at once. `_id` is `<epoch>.<index of the first>`, so that of all who append behind the same end
 * one can; `w` is the writer's name for it, `n` the index that comes behind it, `t` the bytes of the epoch's entries up to its end. With
 * `s` the epoch ends here, and goes on in that one.
 */
export interface LogDocument {
  _id: string;
  w: string;
  n: number;
  t: number;
  b: (Uint8Array | LargeEntry)[];
  s?: string | undefined;
}

/** A document without its entries. */
export interface Head {
  id: string;
  epoch: string;
  first: number;
  next: number;
  total: number;
  writer: string;
  successor: string | undefined;
}

const EPOCH_CHARS = 13;
const TIME_CHARS = 9;
const INDEX_CHARS = 9;
const ID = new RegExp(`^([0-9a-z]{${EPOCH_CHARS}})\\.([0-9a-z]{${INDEX_CHARS}})$`);

/** The `_id`s that are ours, as a filter: they sort by epoch, then by index. */
export const OURS = { _id: { $regex: ID.source } };

const digits = (number: number, count: number): string => number.toString(36).padStart(count, "0");

export const idOf = (epoch: string, index: number): string => `${epoch}.${digits(index, INDEX_CHARS)}`;

/** Before all epochs: it ends at once. */
export const ROOT = "0".repeat(EPOCH_CHARS);

/** An epoch that sorts behind `former`, and behind those that began before `now` (ms). */
export const epochAfter = (former: string, now: number, random: () => number = Math.random): string => {
  const time = Math.max(now, Number.parseInt(former.slice(0, TIME_CHARS), 36) + 1);
  const chars = EPOCH_CHARS - TIME_CHARS;
  return digits(time, TIME_CHARS) + digits(Math.floor(random() * 36 ** chars), chars);
};

const entry = z.unknown().transform((it, context): Uint8Array | LargeEntry => {
  const bytes = bytesOf(it);
  const large = bytes === undefined ? largeOf(it) : undefined;
  const size = z.object({ size: z.number().int().min(1) }).safeParse(it);
  if (bytes !== undefined) return bytes;
  if (large !== undefined && size.success) return { ...large, ...size.data };
  context.addIssue("no entry");
  return z.NEVER;
});
export const headOf = ({ _id, w, n, t, s }: Omit<LogDocument, "b">): Head => {
  const [epoch = "", index = ""] = _id.split(".");
  return { id: _id, epoch, first: Number.parseInt(index, 36), next: n, total: t, writer: w, successor: s };
};
const head = z
  .object({
    _id: z.string().regex(ID),
    w: z.string(),
    n: z.number().int(),
    t: z.number().min(0),
    s: z
      .string()
      .regex(new RegExp(`^[0-9a-z]{${EPOCH_CHARS}}$`))
      .optional(),
  })
  .transform(headOf)
  .refine(({ first, next }) => next > first);
const body = z.object({ b: z.array(entry) });

export const readHead = (document: unknown): Head | undefined => head.safeParse(document).data;

/** Undefined where it is none of the Log. */
export const readLogDocument = (
  document: unknown,
): { head: Head; entries: readonly (Uint8Array | LargeEntry)[] } | undefined => {
  const it = readHead(document);
  const entries = body.safeParse(document).data?.b;
  const isWhole =
    entries !== undefined && (entries.length === 0 || entries.length === (it?.next ?? 0) - (it?.first ?? 0));
  return it === undefined || !isWhole ? undefined : { head: it, entries };
};

export const sizeOf = (it: Uint8Array | LargeEntry): number => (it instanceof Uint8Array ? it.length : it.size);
