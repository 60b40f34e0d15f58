export { recentKeys } from "./keys.ts";
export { openForwarding, type Forwarding, type ForwardingOptions } from "./open-forwarding.ts";
export { trustProxies } from "./trusted-proxies.ts";
