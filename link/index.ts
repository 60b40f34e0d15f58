export type { HubService, HubSocket, Link } from "./port.ts";
export { openLink, type LinkOptions } from "./client.ts";
export { serveHub, type HubOptions } from "./server.ts";
