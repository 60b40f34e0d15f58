import { once } from "node:events";
import type { WebSocket } from "ws";
import { openRawSocket, PACKET } from "../raw-socket.ts";
import { serveRemote } from "../remote.ts";

/** Clients that are cut and come back, all at once. */
interface Client {
  channel: string;
  recovers: boolean;
  sid: string;
  pid: string | undefined;
  offset: string | undefined;
  /** Of the bench, since it was cut. */
  received: number;
  socket: WebSocket | undefined;
}

let clients: Client[] = [];
let recovered = 0;

/** Resolves when it is back: recovered, with `missed` events, or subscribed anew. */
const connect = (client: Client, url: string, missed: number): Promise<Client> =>
  new Promise((resolve, reject) => {
    let connected = false;
    const look = () => {
      if (connected && client.received >= missed) resolve(client);
    };
    const hear: Parameters<typeof openRawSocket>[1] = (type, data) => {
      if (type === PACKET.event) {
        const text = data.toString();
        if (text.startsWith('42["bench"')) client.received += 1;
        client.offset = /"([\w.-]+)"\]$/.exec(text)?.[1] ?? client.offset;
        return look();
      }
      if (type === PACKET.connect) {
        const { sid, pid }: { sid: string; pid?: string } = JSON.parse(data.toString().slice(2));
        connected = sid === client.sid;
        if (connected) recovered += 1;
        else if (client.pid !== undefined) return reject(new Error("a client was not recovered"));
        else socket.send(`420["subscribe",${JSON.stringify({ channel: client.channel })}]`);
        Object.assign(client, { sid, pid });
        return look();
      }
      if (type !== PACKET.ack) return;
      connected = true;
      look();
    };
    const { pid, offset } = client;
    const socket = openRawSocket(url, hear, reject, {
      auth: pid === undefined ? undefined : { pid, offset },
      query: client.recovers ? "" : "&recovery=0",
    });
    client.socket = socket;
  });

serveRemote({
  async open(urls: readonly string[], count: number, rooms: number, recovers: boolean) {
    clients = [];
    for (let from = 0; from < count; from += 50)
      clients.push(
        ...(await Promise.all(
          Array.from({ length: Math.min(50, count - from) }, (_, at) => {
            const channel = `room:${(from + at) % rooms}`;
            const fresh = {
              channel,
              recovers,
              sid: "",
              pid: undefined,
              offset: undefined,
              received: 0,
              socket: undefined,
            };
            return connect(fresh, urls[at % urls.length] ?? "", 0);
          }),
        )),
      );
  },
  async cut() {
    const closed = clients.flatMap(({ socket }) => (socket === undefined ? [] : [once(socket, "close")]));
    for (const client of clients) {
      client.socket?.terminate();
      client.received = 0;
    }
    await Promise.all(closed);
  },
  /** All at once, each to the gateway beside its own. Resolves with the ms until all were back, and how many were recovered. */
  async comeBack(urls: readonly string[], missed: number) {
    recovered = 0;
    const began = performance.now();
    clients = await Promise.all(
      clients.map((client, at) => connect(client, urls[(at + 1) % urls.length] ?? "", missed)),
    );
    return { ms: performance.now() - began, recovered };
  },
});
