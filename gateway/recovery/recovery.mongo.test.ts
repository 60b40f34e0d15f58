import { startServer } from "#testing";
import { recoverySuite } from "./suite.ts";

// FerretDB answers everything with "interrupted" at last, when many who read have been killed.
recoverySuite("mongo", () => startServer("mongo"), { each: true });
