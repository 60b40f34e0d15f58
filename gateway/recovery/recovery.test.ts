import { startServer } from "#testing";
import { startHub } from "../../adapter/testing/hub.ts";
import { recoverySuite } from "./suite.ts";

recoverySuite("redis", () => startServer("redis"), { survives: true });
recoverySuite("zeromq", startHub, { survives: false });
