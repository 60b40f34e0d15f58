export { openConnection, pauseMs, type Connection, type ConnectionOptions } from "./connection.ts";
export { within } from "./within.ts";
