/** Where each port of a pod listens. The API's is the same whatever its Service's number, so that no number can meet another or need a privilege. */
export const PORTS = { clients: 3000, api: 3001, control: 3002, probes: 3003, hub: 3004, link: 3005 } as const;
export type PortName = keyof typeof PORTS;

const isPortName = (name: string): name is PortName => name in PORTS;

/** The number of a role's port. Throws where there is none of that name. */
export const portNumber = (name: string): number => {
  if (!isPortName(name)) throw new Error(`no port is called ${name} in a pod`);
  return PORTS[name];
};
