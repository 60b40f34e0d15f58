import { startServer } from "#testing";
import { longRun } from "./suite/long-run.ts";
import { recoverySuite } from "./suite.ts";

// FerretDB answers everything with "interrupted" at last, when many who read have been killed.
recoverySuite("mongo", () => startServer("mongo"), { each: true });
longRun("mongo", () => startServer("mongo"));
