import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { cpuMicros, serveRemote } from "../remote.ts";

/** What a user would write: one socket.io process, one room. */
const http = createServer();
const io = new Server(http);
io.on("connection", (socket) =>
  socket.on("subscribe", async ({ channel }: { channel: string }, ack: (answer: object) => void) => {
    await socket.join(channel);
    ack({ ok: true });
  }),
);
await new Promise<void>((resolve) => void http.listen(0, "127.0.0.1", resolve));

serveRemote({
  port: () => (http.address() as AddressInfo).port,
  cpu: cpuMicros,
  emit(burst: number, payload: string) {
    for (let i = 0; i < burst; i++) io.to("bench").emit("bench", payload);
  },
});
