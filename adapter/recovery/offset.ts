import type { Place } from "../log/port.ts";

const OFFSET = /^([\w-]{1,16})\.([0-9a-z]{1,11})$/;

/** A place as clients carry it: the last argument of each event. Needs no escaping in JSON. */
export const formatOffset = ({ epoch, index }: Place): string => `${epoch}.${index.toString(36)}`;

/** The place that a client came back with; undefined where it is none (it is the last string that any event of its ended with). */
export const parseOffset = (offset: unknown): Place | undefined => {
  const [, epoch, digits] = typeof offset === "string" ? (OFFSET.exec(offset) ?? []) : [];
  if (epoch === undefined || digits === undefined) return undefined;
  const index = Number.parseInt(digits, 36);
  return Number.isSafeInteger(index) ? { epoch, index } : undefined;
};
