import { once } from "node:events";
import net from "node:net";
import { KubeConfig } from "@kubernetes/client-node";

/** Stands between a client and the API server of $KUBECONFIG. */
export interface Proxy extends AsyncDisposable {
  config: KubeConfig;
  /** Ends all connections, wherever they are in what they say. */
  cut(): void;
  /** Connections stay open and carry nothing any more; new ones work. */
  freeze(): void;
  /** While refusing, no connection is made. */
  refuse(yes: boolean): void;
  /** Connections made so far. */
  connections(): number;
}

export const startProxy = async (): Promise<Proxy> => {
  const config = new KubeConfig();
  config.loadFromDefault();
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error("$KUBECONFIG has no cluster");
  const target = new URL(cluster.server);
  const pairs = new Set<[net.Socket, net.Socket]>();
  let refusing = false;
  let connections = 0;

  const server = net.createServer((inside) => {
    if (refusing) return void inside.destroy();
    connections++;
    const outside = net.connect(Number(target.port), target.hostname);
    const pair: [net.Socket, net.Socket] = [inside, outside];
    pairs.add(pair);
    for (const [from, to] of [pair, [outside, inside] as const]) {
      from.on("error", () => {});
      from.on("data", (chunk) => to.writable && to.write(chunk));
      from.on("close", () => {
        pairs.delete(pair);
        to.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const through = { ...cluster, server: `https://127.0.0.1:${address.port}` };
  const user = config.getCurrentUser();
  if (user === null) throw new Error("$KUBECONFIG has no user");
  const proxied = new KubeConfig();
  proxied.loadFromClusterAndUser(through, user);

  const cut = () => {
    for (const [inside] of pairs) inside.destroy();
  };
  return {
    config: proxied,
    cut,
    freeze: () => {
      for (const sockets of pairs) for (const socket of sockets) socket.pause().removeAllListeners("data");
    },
    refuse: (yes) => {
      refusing = yes;
      if (yes) cut();
    },
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
};
