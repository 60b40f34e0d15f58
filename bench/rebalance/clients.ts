import { countingClients, type CountingClients } from "../../local/testing/counting-clients.ts";
import { serveRemote } from "../remote.ts";

let clients: CountingClients | undefined;

serveRemote({
  async open(url: string, channel: string, count: number) {
    clients = countingClients(url, channel);
    await clients.open(count, ["websocket"]);
  },
  count: () => ({
    moves: clients?.moves() ?? 0,
    peaks: [clients?.peak("sentAway") ?? 0, clients?.peak("cameBack") ?? 0],
    most: Math.max(...(clients?.all.map(({ cameBack }) => cameBack.length) ?? [])),
    connected: clients?.all.filter(({ socket }) => socket.connected).length ?? 0,
    faults: clients?.faults,
  }),
});
