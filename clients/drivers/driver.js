// Drives socket.io's own JavaScript client, of the package that CLIENT names: commands as JSON lines on standard input, what is heard on
// standard output. clients/driver.ts says what each means.
import { createInterface } from "node:readline";

const { io } = await import(process.env.CLIENT);
const sockets = new Map();

const map = (value, one) => {
  const mapped = one(value);
  if (mapped !== undefined) return mapped;
  if (Array.isArray(value)) return value.map((it) => map(it, one));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, map(it, one)]));
};
const pack = (value) =>
  map(value, (it) => (Buffer.isBuffer(it) ? { $binary: it.toString("base64") } : undefined)) ?? null;
const unpack = (value) =>
  map(value, (it) => (it?.$binary === undefined ? undefined : Buffer.from(it.$binary, "base64")));
const tell = (as, what, more = {}) => process.stdout.write(`${JSON.stringify({ as, what, ...more })}\n`);

const listen = (as, socket) => {
  sockets.set(as, socket);
  socket.on("connect", () => tell(as, "connect", { recovered: socket.recovered }));
  socket.on("disconnect", () => tell(as, "disconnect"));
  socket.on("connect_error", ({ data }) => data !== undefined && tell(as, "refused", { data }));
  socket.onAny((event, ...args) => {
    const ack = typeof args.at(-1) === "function" ? args.pop() : undefined;
    tell(as, "event", { event, args: pack(args) });
    ack?.(...args);
  });
};

const commands = {
  connect: ({ as, url, transports, auth, joining = [] }) => {
    const socket = io(url, { transports, auth, forceNew: true, reconnectionDelay: 100, reconnectionDelayMax: 500 });
    listen(as, socket);
    for (const other of joining) listen(other.as, socket.io.socket(other.namespace).open());
  },
  emit: ({ as, event, args }) => sockets.get(as).emit(event, ...unpack(args)),
  ask: ({ as, event, args, n }) =>
    sockets.get(as).emit(event, ...unpack(args), (...answer) => tell(as, "ack", { n, args: pack(answer) })),
  disconnect: ({ as }) => sockets.get(as).disconnect(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  commands[command.do](command);
}
process.exit(0);
