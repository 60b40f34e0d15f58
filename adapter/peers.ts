import { peersFile } from "#crds";
import { watchJson, type Log } from "#process";
import type { Peers } from "./port.ts";

/** Peers from the file that a laptop's supervisor keeps (PEERS_FILE). Rejects where it cannot be read the first time. */
export const filePeers = async (path: string, options: { log: Log; everyMs?: number }): Promise<Peers & Disposable> => {
  const file = await watchJson(path, peersFile, options);
  return {
    current: () => file.current().gateways,
    onChange: (listener) => file.onChange(({ gateways }) => listener(gateways)),
    [Symbol.dispose]: () => file[Symbol.dispose](),
  };
};
