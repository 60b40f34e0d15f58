// A worker that is a socket.io client: `npm install socket.io-client`, then `KEY=… node worker.js`. docs/workers-as-clients.md explains each line.
import { io } from "socket.io-client";

const socket = io(`${process.env.API_URL ?? "http://localhost:3001"}/workers`, {
  transports: ["websocket"],
  auth: { key: process.env.KEY, pools: [process.env.POOL ?? "sums"], credit: 1, name: "sums-in-js" },
});

const handlers = {
  "sum:numbers": (job) => ({ sum: job.payload.numbers.reduce((sum, next) => sum + next, 0) }),
  "sum:slowly": async (job) => {
    for (let done = 0; done < job.payload.steps; done++) {
      socket.emit("job:progress", { run: job.run, progress: done / job.payload.steps });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return { by: process.pid, attempt: job.attempt };
  },
};

socket.on("job", async (job) => {
  try {
    socket.emit("job:done", { run: job.run, result: await handlers[job.event](job) });
  } catch (error) {
    socket.emit("job:failed", { run: job.run, error: String(error) });
  }
});
socket.on("connect", () => console.log("ready"));
socket.on("connect_error", ({ message, data }) => data && process.exit(console.error(message) ?? 1));
