import { hasBinary, packBinary, unpackBinary } from "./binary.ts";
import { job, reply, type Job, type Reply } from "./job.ts";

const parsed = (bytes: Uint8Array): unknown =>
  JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));

/** The bytes of a job: UTF-8 JSON. */
export const encodeJob = (it: Job): Buffer =>
  Buffer.from(JSON.stringify(hasBinary(it.payload) ? { ...it, payload: packBinary(it.payload), binary: true } : it));

/** The job behind `bytes`. Throws where they are not one: the caller dead-letters them as `malformed`. */
export const decodeJob = (bytes: Uint8Array): Job => {
  const it = job.parse(parsed(bytes));
  return it.binary === true ? { ...it, payload: unpackBinary(it.payload) } : it;
};

/** The bytes of an answer: UTF-8 JSON. Throws where the result is neither JSON nor binary. */
export const encodeReply = (it: Reply): Buffer =>
  Buffer.from(JSON.stringify(hasBinary(it.result) ? { ...it, result: packBinary(it.result), binary: true } : it));

/** The answer behind `bytes`. Throws where they are none. */
export const decodeReply = (bytes: Uint8Array): Reply => {
  const it = reply.parse(parsed(bytes));
  return it.binary === true ? { ...it, result: unpackBinary(it.result) } : it;
};
