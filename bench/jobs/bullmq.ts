import { Queue, Worker } from "bullmq";
import { serveRemote } from "../remote.ts";
import { countDone } from "./done.ts";

/** BullMQ as its documentation has it: one process adds, another works. ROLE says which this is. */
const { hostname: host, port } = new URL(process.env["REDIS"] ?? "");
const connection = { host, port: Number(port) };
const done = countDone();

if (process.env["ROLE"] === "worker") {
  const worker = new Worker("bench", () => Promise.resolve({ ok: true }), {
    connection,
    concurrency: Number(process.env["CONCURRENCY"]),
    removeOnComplete: { count: 1000 },
  });
  worker.on("completed", () => {
    done.one();
  });
  await worker.waitUntilReady();
}
const queue = new Queue("bench", { connection });
await queue.waitUntilReady();

serveRemote({
  /** Adds `total` jobs, `window` at a time under way. */
  async add(total: number, window: number, payload: string) {
    let sent = 0;
    const lane = async () => {
      while (sent++ < total) await queue.add("job", { text: payload });
    };
    await Promise.all(Array.from({ length: window }, lane));
  },
  work: done.work,
});
