import { logSuite } from "../log/suite.ts";
import { startHub } from "../testing/hub.ts";
import { openHubLog } from "./open-log.ts";

logSuite("zeromq", openHubLog, startHub, { survives: false });
