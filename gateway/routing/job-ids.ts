import { randomUUID } from "node:crypto";

/** A UUIDv7: sorts by time to the millisecond. */
export const newJobId = (now: number = Date.now(), random: () => string = randomUUID): string => {
  const time = now.toString(16).padStart(12, "0");
  const rest = random();
  return `${time.slice(0, 8)}-${time.slice(8, 12)}-7${rest.slice(15)}`;
};
