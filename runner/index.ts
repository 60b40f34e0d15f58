export { createCancels } from "./cancels.ts";
export type { Context, Handler, HandlerOf } from "./context.ts";
export { createMetrics, type WorkerMetrics } from "./metrics.ts";
export { isReject, Reject } from "./reject.ts";
export { createRunner, type Runner } from "./run.ts";
export { answerReports, hearCancels } from "./signals.ts";
export { stopRunning } from "./stop.ts";
