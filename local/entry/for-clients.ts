import type { PeersFile } from "#crds";

/** The gateways that clients are sent to: all that are not shunned, and those too where there is no other. */
export const forClients = ({ gateways }: PeersFile): PeersFile["gateways"] => {
  const open = gateways.filter(({ shunned }) => shunned !== true);
  return open.length > 0 ? open : gateways;
};
