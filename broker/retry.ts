import type { Pool } from "#crds";

/** What a pool says about trying again. */
export type RetrySettings = Pool["retry"];

const delayMs = (retry: RetrySettings, failed: number): number =>
  Math.round(Math.min(retry.backoffSeconds * 2 ** (failed - 1), retry.maxBackoffSeconds) * 1000);

/**
 * ms until the run after `attempt` (1 for the first) failed: doubled for each further one, capped; undefined after the last, and then
 * the job is dead. No jitter: every wait is one of `retrySteps`, since a driver may keep a queue for each.
 */
export const retryDelayMs = (retry: RetrySettings, attempt: number): number | undefined =>
  attempt >= retry.attempts ? undefined : delayMs(retry, attempt);

/** Every wait that `retryDelayMs` can give, in ms, each once, growing. */
export const retrySteps = (retry: RetrySettings): number[] => {
  const steps: number[] = [];
  for (let failed = 1; failed < retry.attempts; failed++) {
    const step = delayMs(retry, failed);
    if (steps.at(-1) === step) break;
    steps.push(step);
  }
  return steps;
};

/** The step that serves a wait of `inMs`: the first that is not shorter, else the longest; undefined where there is none. */
export const nearestStep = (steps: readonly number[], inMs: number): number | undefined =>
  steps.find((step) => step >= inMs) ?? steps.at(-1);
