import { startServer } from "#testing";
import { logSuite } from "../log/suite.ts";
import { openMongoLog } from "./log/index.ts";

logSuite("mongo", openMongoLog, () => startServer("mongo"), { survives: true });
