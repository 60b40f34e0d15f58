import type { ScaleRules } from "../topology/model.ts";

/** What was needed lately, oldest first, each lower than the one before, with when it was last so. */
export interface ScaleState {
  needs: readonly { at: number; need: number }[];
}

export interface ScaleInput {
  rules: ScaleRules;
  /** The count as it is wanted now. */
  current: number;
  /** Jobs ready and in hand (or connections); undefined: unknown. */
  load: number | undefined;
  /** ms */
  now: number;
}

export const initialScale: ScaleState = { needs: [] };

const clamp = (value: number, { min, max }: ScaleRules) => Math.min(Math.max(value, min), Math.max(min, max));

/**
 * The count for a load: up at once, down to the highest need of the last `scaleDownSeconds`, to 0 only when there was no load at all
 * in that time. An unknown load holds the count and starts that time anew.
 */
export const scale = (
  { rules, current, load, now }: ScaleInput,
  state: ScaleState,
): { count: number; state: ScaleState } => {
  const held = clamp(current, rules);
  const need = load === undefined ? held : clamp(Math.ceil(load / rules.target), rules);
  const last = state.needs.at(-1)?.need ?? held;
  const seen = [...state.needs.slice(0, -1), { at: now, need: last }];
  const windowMs = rules.scaleDownSeconds * 1000;
  const recent = seen.filter((sample) => now - sample.at < windowMs && sample.need > need);
  const needs = [...recent, { at: now, need }];
  return { count: Math.max(need, Math.min(held, needs[0]?.need ?? need)), state: { needs } };
};
