import { startServer } from "#testing";
import { recoverySuite } from "./suite.ts";

recoverySuite("mongo", () => startServer("mongo"), { survives: true });
