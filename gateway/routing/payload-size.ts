import { encodeJob, Refusal } from "#crds";

const sized = (payload: unknown): number => encodeJob({ v: 1, id: "", event: "", payload, mode: "job", at: 0 }).length;
const ENVELOPE = sized(0) - 1;

/** Refuses a payload of more than `limit` bytes as JSON, and one that is none (nested without end). */
export const checkPayload = (payload: unknown, limit: number | undefined): void => {
  let size: number;
  try {
    size = sized(payload) - ENVELOPE;
  } catch (error) {
    throw new Refusal("invalid_payload", undefined, { cause: error });
  }
  if (limit !== undefined && size > limit) throw new Refusal("payload_too_large", `${size} of ${limit} bytes`);
};
