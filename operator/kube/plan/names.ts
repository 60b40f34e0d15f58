import { createHash } from "node:crypto";

const hash5 = (...parts: string[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 5);

/**
 * Names of a cluster's children. All but the pools' end in a word that is theirs alone, so that no two clusters' children can meet;
 * a pool's name is free text, so its children end in a hash of cluster and pool (`a`+`b-c` and `a-b`+`c` differ).
 */
export const childNames = (cluster: string) => ({
  /** The clients' Service, and the account of the gateways. */
  gateway: `${cluster}-gateway`,
  gatewayRevision: (configHash: string) => `${cluster}-gateway-${configHash.slice(0, 8)}`,
  peers: `${cluster}-peers`,
  api: `${cluster}-api`,
  hub: `${cluster}-hub`,
  redis: `${cluster}-redis`,
  rabbitmq: `${cluster}-rabbitmq`,
  /** Session key and control token. */
  keys: `${cluster}-keys`,
  config: `${cluster}-config`,
  /** Cut where it would be longer than a DNS label, 63. */
  worker: (pool: string) => `${`${cluster}-worker-${pool}`.slice(0, 57)}-${hash5(cluster, pool)}`,
});
