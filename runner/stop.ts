import type { Consumption } from "#broker";
import type { Log } from "#process";
import type { Runner } from "./run.ts";

/** Takes no more, waits up to `graceMs` for what is in hand, hands back the rest. */
export const stopRunning = async (
  consumption: Consumption,
  runner: Runner,
  { graceMs, log }: { graceMs: number; log: Log },
): Promise<void> => {
  const over = Promise.withResolvers<"over">();
  const timer = setTimeout(() => over.resolve("over"), graceMs);
  const stopped = consumption.stop().then(() => runner.idle());
  if ((await Promise.race([stopped, over.promise])) === "over") {
    log.warn({ inHand: runner.report().inHand.length }, "the grace is over: what is in hand is handed back");
    runner.release();
    await runner.idle();
  }
  clearTimeout(timer);
  await consumption[Symbol.asyncDispose]();
  runner[Symbol.dispose]();
};
