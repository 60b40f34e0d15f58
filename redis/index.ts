export { connectRedis, type ConnectOptions, type RedisConnection } from "./connection.ts";
export { redisServer, type RedisNode, type RedisServer } from "./server.ts";
