export { recentKeys } from "./keys.ts";
export type { Carried } from "./carrier.ts";
export { openForwarding, type Forwarding, type ForwardingOptions } from "./open-forwarding.ts";
export { trustProxies } from "./trusted-proxies.ts";
