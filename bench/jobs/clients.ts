import type { WebSocket } from "ws";
import { percentile } from "../measure.ts";
import { openRawSocket, PACKET } from "../raw-socket.ts";
import { serveRemote } from "../remote.ts";

/** Clients that send jobs and see their acks and ends. */
const sockets: WebSocket[] = [];
const sentAt = new Map<number, number>();
let latencies: number[] = [];
let refused = "";
let done = 0;
let next = 0;
let onDone: () => void = () => undefined;

const open = (url: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = openRawSocket(
      url,
      (type, data) => {
        const text = data.toString("latin1");
        if (type === PACKET.connect) resolve();
        else if (type === PACKET.ack) {
          const id = Number.parseInt(text.slice(2), 10);
          latencies.push(performance.now() - (sentAt.get(id) ?? 0));
          sentAt.delete(id);
          if (!text.includes('"ok":true')) refused = text;
        } else if (text.startsWith('42["job:done"')) {
          done++;
          onDone();
        }
      },
      reject,
    );
    sockets.push(socket);
  });

const send = (payload: string) => {
  const id = next++;
  sentAt.set(id, performance.now());
  sockets[id % sockets.length]?.send(`42${id}["bench:job",{"text":"${payload}"}]`);
};

const begin = () => {
  latencies = [];
  refused = "";
  done = 0;
};

const summary = (ms: number) => {
  if (refused !== "") throw new Error(refused);
  const sorted = latencies.sort((a, b) => a - b);
  return { perSecond: (done / ms) * 1000, p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
};

serveRemote({
  open: (url: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => open(url))).then(() => undefined),
  /** `total` jobs with at most `window` under way. */
  async run(total: number, window: number, payload: string) {
    begin();
    const start = performance.now();
    let sent = 0;
    const finished = new Promise<void>((resolve) => {
      onDone = () => {
        if (done === total) resolve();
        else if (sent < total) {
          sent++;
          send(payload);
        }
      };
    });
    for (; sent < Math.min(window, total); sent++) send(payload);
    await finished;
    return summary(performance.now() - start);
  },
  /** `perSecond` jobs for `seconds`, whatever comes back. */
  async pace(perSecond: number, seconds: number, payload: string) {
    begin();
    const start = performance.now();
    const total = Math.round(perSecond * seconds);
    let sent = 0;
    onDone = () => undefined;
    await new Promise<void>((resolve) => {
      const tick = setInterval(() => {
        const due = Math.min(total, ((performance.now() - start) / 1000) * perSecond);
        for (; sent < due; sent++) send(payload);
        if (done >= total) {
          clearInterval(tick);
          resolve();
        }
      }, 2);
    });
    return summary(performance.now() - start);
  },
});
