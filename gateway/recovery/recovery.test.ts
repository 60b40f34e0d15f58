import { startServer } from "#testing";
import { startHub } from "../../adapter/testing/hub.ts";
import { startRabbitmqAndHub } from "../testing/rabbitmq-and-hub.ts";
import { recoverySuite } from "./suite.ts";

recoverySuite("redis", () => startServer("redis"));
recoverySuite("zeromq", startHub);
recoverySuite("rabbitmq", startRabbitmqAndHub);
