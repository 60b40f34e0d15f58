export { openLocalSubstrate, type LocalOptions, type LocalSubstrate } from "./substrate.ts";
export { stateDirectory, type StateDirectory } from "./state-directory.ts";
export { claimRunState, readRunState, writeRunState, type RunState } from "./run-state.ts";
export { startOf } from "./start-of.ts";
export type { LocalInstance } from "./keep-instance.ts";
export type { LogLine } from "./log-tail.ts";
