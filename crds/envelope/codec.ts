import { job, type Job } from "./job.ts";

const isBinary = (value: unknown): value is Uint8Array | ArrayBuffer =>
  value instanceof Uint8Array || value instanceof ArrayBuffer;

/** Whether `value` holds binary anywhere. */
export const hasBinary = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return false;
  if (isBinary(value)) return true;
  for (const item of Array.isArray(value) ? value : Object.values(value)) if (hasBinary(item)) return true;
  return false;
};

const pack = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  if (isBinary(value))
    return { $binary: Buffer.from(value instanceof ArrayBuffer ? new Uint8Array(value) : value).toString("base64") };
  if (Array.isArray(value)) return value.map(pack);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, pack(item)]));
};

const unpack = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(unpack);
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === "$binary" && typeof first[1] === "string")
    return Buffer.from(first[1], "base64");
  return Object.fromEntries(entries.map(([key, item]) => [key, unpack(item)]));
};

/** The bytes of a job: UTF-8 JSON. */
export const encodeJob = (it: Job): Buffer =>
  Buffer.from(JSON.stringify(hasBinary(it.payload) ? { ...it, payload: pack(it.payload), binary: true } : it));

/** The job behind `bytes`. Throws where they are not one: the caller dead-letters them as `malformed`. */
export const decodeJob = (bytes: Uint8Array): Job => {
  const it = job.parse(JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8")));
  return it.binary === true ? { ...it, payload: unpack(it.payload) } : it;
};
