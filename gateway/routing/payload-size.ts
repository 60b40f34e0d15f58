import { hasBinary, packBinary, Refusal } from "#crds";

/** A UTF-16 unit is three bytes of UTF-8 at most. */
const MOST_BYTES = 3;

/** Refuses a payload of more than `limit` bytes as JSON, and one that is none (nested without end). */
export const checkPayload = (payload: unknown, limit = Infinity): void => {
  let text: string;
  try {
    text = JSON.stringify(hasBinary(payload) ? packBinary(payload) : payload) ?? "";
  } catch (error) {
    throw new Refusal("invalid_payload", undefined, { cause: error });
  }
  if (text.length * MOST_BYTES <= limit) return;
  const size = Buffer.byteLength(text);
  if (size > limit) throw new Refusal("payload_too_large", `${size} of ${limit} bytes`);
};
