import type { Deed } from "./act.ts";

/** How a deed is told in `kubectl describe`. */
export const eventOf = ({
  ref: { kind, name },
  what,
  detail,
}: Deed): {
  type: "Normal";
  reason: string;
  action: string;
  message: string;
} => {
  const done = `${what.charAt(0).toUpperCase()}${what.slice(1)}`;
  return {
    type: "Normal",
    reason: done,
    action: done,
    message: `${done} ${kind} ${name}${detail === undefined ? "" : ` to ${detail}`}`,
  };
};
