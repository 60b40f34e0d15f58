import { logSuite } from "../log/suite.ts";
import { startStreams } from "../testing/streams.ts";
import { openRabbitmqLog } from "./log.ts";

logSuite("rabbitmq", openRabbitmqLog, startStreams, { survives: true });
