import { startServer } from "#testing";
import { startHub } from "../../adapter/testing/hub.ts";
import { startRabbitmqAndHub } from "../testing/rabbitmq-and-hub.ts";
import { longRun } from "./suite/long-run.ts";
import { recoverySuite } from "./suite.ts";

recoverySuite("redis", () => startServer("redis"));
longRun("redis", () => startServer("redis"));
recoverySuite("zeromq", startHub);
longRun("zeromq", startHub);
recoverySuite("rabbitmq", startRabbitmqAndHub);
longRun("rabbitmq", startRabbitmqAndHub);
