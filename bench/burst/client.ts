import { openRawSocket, PACKET } from "../raw-socket.ts";
import { serveRemote } from "../remote.ts";

const now = () => performance.timeOrigin + performance.now();

serveRemote({
  /** Sends `total` jobs at once over a connection of its own; resolves when the last is done, with moments in ms since the epoch. */
  burst: (url: string, total: number) =>
    new Promise((resolve, reject) => {
      const at = { sent: 0, taken: 0, firstDone: 0, lastDone: 0 };
      let taken = 0;
      let done = 0;
      const socket = openRawSocket(
        url,
        (type, data) => {
          const text = data.toString("latin1");
          if (type === PACKET.connect) {
            at.sent = now();
            for (let id = 0; id < total; id++) socket.send(`42${id}["bench:job",{}]`);
          } else if (type === PACKET.ack) {
            if (!text.includes('"ok":true')) return reject(new Error(text));
            if (++taken === total) at.taken = now();
          } else if (text.startsWith('42["job:done"')) {
            if (++done === 1) at.firstDone = now();
            if (done < total) return;
            at.lastDone = now();
            socket.close();
            resolve(at);
          }
        },
        reject,
      );
    }),
});
