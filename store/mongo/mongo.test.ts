import { Registry } from "prom-client";
import { silentLog } from "#process";
import { sharedServer, startServer } from "#testing";
import { describeStore } from "../suite.ts";
import { openMongoStore } from "./index.ts";

/** FerretDB reads a whole collection for each look. */
const FINISHED = 300;

const openAt = (uri: string, cluster: string, node = "node") =>
  openMongoStore(
    { cluster, node, settings: async () => ({ uri }), log: silentLog(), registry: new Registry() },
    { beatMs: 200, finishedKept: FINISHED },
  );

describeStore("mongo", {
  many: 300,
  finished: FINISHED,
  open: async (cluster, node) => openAt((await sharedServer("mongo", import.meta.filename)).uri, cluster, node),
  server: async () => {
    const server = await startServer("mongo");
    return {
      open: (cluster, node) => openAt(server.uri, cluster, node),
      kill: server.kill,
      start: server.start,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
});
