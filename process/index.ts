export { createLog, silentLog, type Log } from "./log.ts";
export { readEnvironment } from "./environment.ts";
export { readDirectory, watched, watchDirectory, watchJson, watchText, type Watched } from "./watch.ts";
export { readServerSettings, type ServerSettings } from "./server-settings.ts";
export { serveProbes, type Probes } from "./probes.ts";
export { runProcess, type ProcessContext, type ReadyMessage } from "./run.ts";
