import { startServer } from "#testing";
import { logSuite } from "../log/suite.ts";
import { openRedisLog } from "./open-log.ts";

logSuite("redis", openRedisLog, () => startServer("redis"), { survives: true });
