import { startServer } from "#testing";
import { CUTS, recoverySuite } from "./suite.ts";

// FerretDB answers everything with "interrupted" at last, when many who read have been killed; and it reads the whole collection each
// time that it looks for what is new, so that 10,000 messages take it minutes.
recoverySuite("mongo", () => startServer("mongo"), { each: true, cuts: Math.min(CUTS, 150) });
