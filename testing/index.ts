export { eventually } from "./eventually.ts";
export { spawnNode, type NodeProcess } from "./spawn-node.ts";
export { freePort, RUN_DIRECTORY, startServer, type Left, type TestServer } from "./servers/start.ts";
export { sharedServer } from "./servers/shared.ts";
export { canServe } from "./servers/kinds.ts";
export { sayUnproven, unproven } from "./unproven.ts";
export type { ServerKind } from "./servers/kinds.ts";
