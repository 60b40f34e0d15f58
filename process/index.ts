export { backoffMs, type Backoff } from "./backoff.ts";
export { coalesceWrites } from "./coalesce-writes.ts";
export { listeners } from "./listeners.ts";
export { createLog, silentLog, type Log } from "./log.ts";
export { readEnvironment } from "./environment.ts";
export { readDirectory, watched, watchDirectory, watchJson, watchText, type Watched } from "./watch.ts";
export {
  mongoAddress,
  readServerSettings,
  redisAddress,
  settingsOf,
  type Driver,
  type ServerSettings,
} from "./server-settings.ts";
export { counter, gauge, histogram, measured } from "./metrics.ts";
export { Misconfigured, keepTrying, type KeepTryingOptions } from "./keep-trying.ts";
export { serveProbes, type Probes } from "./probes.ts";
export { runProcess, type ProcessContext, type ReadyMessage } from "./run.ts";
