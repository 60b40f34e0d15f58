const isBinary = (value: unknown): value is ArrayBufferView | ArrayBuffer =>
  ArrayBuffer.isView(value) || value instanceof ArrayBuffer;

/** Whether `value` holds binary anywhere. */
export const hasBinary = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return false;
  if (isBinary(value)) return true;
  for (const item of Array.isArray(value) ? value : Object.values(value)) if (hasBinary(item)) return true;
  return false;
};

const base64 = (value: ArrayBufferView | ArrayBuffer): string =>
  (ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value)
  ).toString("base64");

const onlyKey = (entries: readonly [string, unknown][]): string =>
  entries.length === 1 ? (entries[0]?.[0] ?? "") : "";
const LOOKS_PACKED = /^\$+binary$/;

/** `value` as JSON can say it: binary as `{"$binary": "<base64>"}`, and a `$` more before the key of an object that looks like it. */
export const packBinary = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  if (isBinary(value)) return { $binary: base64(value) };
  if (Array.isArray(value)) return value.map(packBinary);
  if ("toJSON" in value && typeof value.toJSON === "function") return packBinary(value.toJSON());
  const entries = Object.entries(value);
  const escape = LOOKS_PACKED.test(onlyKey(entries)) ? "$" : "";
  return Object.fromEntries(entries.map(([key, item]) => [escape + key, packBinary(item)]));
};

/** What `packBinary` was given, binary as Buffers. */
export const unpackBinary = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(unpackBinary);
  const entries = Object.entries(value);
  const only = onlyKey(entries);
  const packed: unknown = entries[0]?.[1];
  if (only === "$binary" && typeof packed === "string") return Buffer.from(packed, "base64");
  const escaped = only !== "$binary" && LOOKS_PACKED.test(only) ? 1 : 0;
  return Object.fromEntries(entries.map(([key, item]) => [key.slice(escaped), unpackBinary(item)]));
};
