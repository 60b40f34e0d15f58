import { startServer } from "#testing";
import { logSuite } from "../log/suite.ts";
import { openRabbitmqLog } from "./log.ts";

logSuite("rabbitmq", openRabbitmqLog, () => startServer("rabbitmq"), { survives: true });
