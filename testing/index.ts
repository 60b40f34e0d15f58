export { eventually } from "./eventually.ts";
export { spawnNode, type NodeProcess } from "./spawn-node.ts";
export { freePort, RUN_DIRECTORY, startServer, type Left, type TestServer } from "./servers/start.ts";
export { sharedServer } from "./servers/shared.ts";
export type { ServerKind } from "./servers/kinds.ts";
export { makeCertificate, startRedisCluster, startRedisProcess, startSentinels } from "./servers/redis.ts";
export type { RedisProcess, RedisSet } from "./servers/redis.ts";
export { startGuardedRedis } from "./servers/redis-user.ts";
