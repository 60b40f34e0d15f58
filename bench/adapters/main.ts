/**
 * `npm run bench:adapters`: deliveries through each adapter, three gateways, rooms of 10 sockets spread over them, against what a user of that
 * server would take instead; and what a gateway takes in as gateways are added.
 */
import { join } from "node:path";
import { startHub } from "../../adapter/testing/hub.ts";
import { freePort, startServer } from "#testing";
import { machine, median, printTable } from "../measure.ts";
import { startRemote, type Remote } from "../remote.ts";

const ROOMS = Array.from({ length: 100 }, (_, index) => `room-${index}`);
const MEMBERS = 10;
const GATEWAYS = 3;
/** Messages under way. */
const BURST = 100;
const ROUNDS = 50;
const PAYLOAD = "x".repeat(100);

const here = (name: string) => join(import.meta.dirname, name);

interface Cluster extends AsyncDisposable {
  gateways: Remote[];
  clients: Remote;
}

/** Gateways joined by `kind`, and for each room its sockets, on `spread` gateways in turn. */
const start = async (kind: string, uri: string, count: number, spread: number): Promise<Cluster> => {
  await using stack = new AsyncDisposableStack();
  const bound = kind === "bare ZeroMQ sockets";
  const uris = await Promise.all(
    Array.from({ length: count }, async () => (bound ? `tcp://127.0.0.1:${await freePort()}` : uri)),
  );
  const gateways = uris.map(() => stack.use(startRemote(here("node.ts"))));
  const ports = await Promise.all(gateways.map((it, i) => it.call("start", kind, uris[i], `bench-${i}`, uris)));
  const clients = stack.use(startRemote(here("../fan-out/clients.ts")));
  for (let member = 0; member < MEMBERS; member++)
    await Promise.all(
      ports.map((port, gateway) => {
        const mine = ROOMS.filter((_, room) => (room + (member % spread)) % count === gateway);
        return clients.call("openIn", `http://127.0.0.1:${port}`, mine);
      }),
    );
  const opened = stack.move();
  return { gateways, clients, [Symbol.asyncDispose]: () => opened.disposeAsync() };
};

const sum = async (gateways: readonly Remote[], command: string): Promise<number> =>
  (await Promise.all(gateways.map((it) => it.call(command)))).reduce((all, one) => all + one, 0);

/** Says `BURST` messages from all gateways, and waits until they are at the clients. */
const round = async ({ gateways, clients }: Cluster, number: number): Promise<void> => {
  const share = Math.ceil(BURST / gateways.length);
  gateways.forEach((it, i) => void it.call("say", ROOMS, (number * gateways.length + i) * share, share, PAYLOAD));
  await clients.call("receive", (number + 1) * gateways.length * share * MEMBERS);
};

interface Figures {
  perSecond: number;
  micros: number;
  takenIn: number;
}

const run = async (cluster: Cluster): Promise<Figures> => {
  await cluster.clients.call("reset");
  const [cpu, taken, begun] = [await sum(cluster.gateways, "cpu"), await sum(cluster.gateways, "taken"), Date.now()];
  for (let number = 0; number < ROUNDS; number++) await round(cluster, number);
  const said = ROUNDS * Math.ceil(BURST / cluster.gateways.length) * cluster.gateways.length;
  return {
    perSecond: (said * MEMBERS * 1000) / (Date.now() - begun),
    micros: ((await sum(cluster.gateways, "cpu")) - cpu) / (said * MEMBERS),
    takenIn: ((await sum(cluster.gateways, "taken")) - taken) / said / cluster.gateways.length,
  };
};

const measure = async (kind: string, uri: string, count = GATEWAYS, spread = count): Promise<Figures> => {
  await using cluster = await start(kind, uri, count, spread);
  await run(cluster);
  const figures = { perSecond: 0, micros: 0, takenIn: 0 };
  figures.perSecond = await median(async () => {
    const one = await run(cluster);
    figures.takenIn = one.takenIn;
    figures.micros = figures.micros === 0 ? one.micros : Math.min(figures.micros, one.micros);
    return one.perSecond;
  });
  return figures;
};

interface Comparison {
  server: string;
  driver: string;
  others: string[];
  open: () => Promise<{ uri: string } & AsyncDisposable>;
}

const comparisons: Comparison[] = [
  {
    server: "Redis",
    driver: "redis",
    others: ["@socket.io/redis-adapter", "@socket.io/redis-streams-adapter"],
    open: () => startServer("redis"),
  },
  { server: "RabbitMQ", driver: "rabbitmq", others: ["a fan-out exchange"], open: () => startServer("rabbitmq") },
  { server: "the hub", driver: "zeromq", others: ["bare ZeroMQ sockets"], open: () => startHub() },
];

const shown = ({ perSecond, micros }: Figures, base: Figures): string[] => [
  `${Math.round(perSecond).toLocaleString("en")} (${(perSecond / base.perSecond).toFixed(2)}×)`,
  `${micros.toFixed(1)} µs (${(micros / base.micros).toFixed(2)}×)`,
];

const rows: string[][] = [];
const growth: string[][] = [];
for (const { server, driver, others, open } of comparisons) {
  await using opened = await open();
  const all = await others.reduce<Promise<[string, Figures][]>>(
    async (before, other) => [...(await before), [other, await measure(other, opened.uri)]],
    Promise.resolve([]),
  );
  const base = all[0]?.[1];
  if (base === undefined) continue;
  for (const [other, figures] of all) rows.push([server, other, ...shown(figures, base)]);
  rows.push([server, "ours", ...shown(await measure(driver, opened.uri), base)]);
  const taken = async (count: number) => (await measure(driver, opened.uri, count, 2)).takenIn.toFixed(2);
  growth.push([server, await taken(2), await taken(4), await taken(8)]);
}
process.stdout.write(
  `\nThree gateways, rooms of ${MEMBERS} sockets on all of them, ${PAYLOAD.length} bytes. ${machine()}\n\n`,
);
printTable(["server", "by", "deliveries/s", "gateways' CPU per delivery"], rows);
process.stdout.write("\nMessages that a gateway takes in per message said, rooms on two of the gateways:\n\n");
printTable(["server", "2 gateways", "4", "8"], growth);
process.exit(0);
