import { randomBytes } from "node:crypto";

/** Publishers whose last message is remembered. */
const MAX_PUBLISHERS = 1000;

/** Tells whether a listener hears a message for the first time that travels in copies, one per channel, right behind one another. */
export type Once<L> = (publisher: string, number: number | string, listener: L) => boolean;

export const createOnce = <L>(): Once<L> => {
  const last = new Map<string, { number: number | string; told: Set<L> }>();
  return (publisher, number, listener) => {
    let it = last.get(publisher);
    if (it?.number !== number) {
      it = { number, told: new Set() };
      last.delete(publisher);
      last.set(publisher, it);
      const [oldest] = last.keys();
      if (last.size > MAX_PUBLISHERS && oldest !== undefined) last.delete(oldest);
    }
    if (it.told.has(listener)) return false;
    it.told.add(listener);
    return true;
  };
};

/** What a listener gives back for a copy of what it has heard. */
export const HEARD_BEFORE = Symbol("heard before");

/** Begins no MessagePack and no text in UTF-8. */
const COPY = 0xc1;
const ID_BYTES = 6;
const HEAD_BYTES = 1 + ID_BYTES + 4;

/** Writes copies: a byte that begins nothing else, who publishes (6 bytes), the message's number (4 bytes), the message. */
export const createCopier = (id: Uint8Array = randomBytes(ID_BYTES)) => {
  let number = 0;
  return (message: Uint8Array): Buffer => {
    number = (number + 1) >>> 0;
    const copy = Buffer.allocUnsafe(HEAD_BYTES + message.length);
    copy[0] = COPY;
    copy.set(id, 1);
    copy.writeUInt32BE(number, 1 + ID_BYTES);
    copy.set(message, HEAD_BYTES);
    return copy;
  };
};

/** Whether a message that is none would be taken for a copy. */
export const looksLikeCopy = (message: Uint8Array): boolean => message[0] === COPY;

/** What a copy holds. Throws where it is none. */
export const readCopy = (copy: Buffer): { publisher: string; number: number; message: Buffer } => {
  if (copy.length < HEAD_BYTES) throw new Error("not a copy of a message");
  return {
    publisher: copy.toString("latin1", 1, 1 + ID_BYTES),
    number: copy.readUInt32BE(1 + ID_BYTES),
    message: copy.subarray(HEAD_BYTES),
  };
};
