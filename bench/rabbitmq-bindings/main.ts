/** `npm run bench:rabbitmq-bindings`: what rooms cost on RabbitMQ: to bind, to lose with a gateway that is killed, and to fold into partitions. */
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { connect } from "amqplib";
import { startServer } from "#testing";
import { machine, printTable } from "../measure.ts";
import { startRemote, type Remote } from "../remote.ts";

const UNLIMITED = 1_000_000;
const EXCHANGE = "bench.outgoing";

interface State {
  bindings: number;
  folded: number;
  taken: number;
  heard: number;
  cpu: number;
}

await using rabbitmq = await startServer("rabbitmq");
const gateway = (maxRooms: number, maxPending = UNLIMITED): Remote =>
  startRemote(join(import.meta.dirname, "gateway.ts"), {
    RABBITMQ: rabbitmq.uri,
    MAX_ROOMS: String(maxRooms),
    MAX_PENDING: String(maxPending),
  });
const connection = await connect(rabbitmq.uri);
const { version } = connection.connection.serverProperties;
const publisher = await connection.createConfirmChannel();
const binder = await connection.createChannel();
await publisher.assertExchange(EXCHANGE, "direct", { durable: true });
const { queue } = await binder.assertQueue("", { exclusive: true, arguments: { "x-queue-type": "classic" } });
await binder.consume(queue, () => {}, { noAck: true });
await binder.bindQueue(queue, EXCHANGE, "watched");

/** The longest that one of many publishes, and of many bindings, took in `ms`. */
const watch = async (ms: number): Promise<{ publish: number; bind: number }> => {
  const longest = { publish: 0, bind: 0 };
  const end = performance.now() + ms;
  const since = (start: number, what: "publish" | "bind") =>
    (longest[what] = Math.max(longest[what], performance.now() - start));
  const publishing = async () => {
    while (performance.now() < end) {
      const start = performance.now();
      await new Promise<void>((resolve) => {
        publisher.publish(EXCHANGE, "watched", Buffer.alloc(100), {}, () => resolve());
      });
      since(start, "publish");
      await wait(5);
    }
  };
  const binding = async () => {
    for (let index = 0; performance.now() < end; index += 1) {
      const start = performance.now();
      await binder.bindQueue(queue, EXCHANGE, `watched-${index % 100}`);
      since(start, "bind");
      await binder.unbindQueue(queue, EXCHANGE, `watched-${index % 100}`);
      await wait(5);
    }
  };
  await Promise.all([publishing(), binding()]);
  return longest;
};

const ms = (value: number) => `${Math.round(value)} ms`;
const MAX_ROOMS = 10_000;
const MESSAGES = 20_000;
const folded: string[][] = [];
let cpuOfOne = 0;
for (const rooms of [5000, 12_500, 20_000, 40_000]) {
  await using under = gateway(MAX_ROOMS, 2000);
  const heardAfter = await under.call("bind", rooms);
  const start = performance.now();
  let last = -1;
  for (let state = await under.call<State>("state"); state.bindings !== last;) {
    last = state.bindings;
    await wait(2500);
    state = await under.call<State>("state");
  }
  const rest = performance.now() - start - 2500;
  await using other = gateway(MAX_ROOMS);
  const before = await under.call<State>("state");
  await other.call("say", MESSAGES);
  await wait(3000);
  const after = await under.call<State>("state");
  const taken = after.taken - before.taken;
  if (taken > 0) cpuOfOne = (after.cpu - before.cpu) / taken;
  folded.push([
    rooms.toLocaleString("en"),
    `${after.folded} of 64`,
    after.bindings.toLocaleString("en"),
    ms(heardAfter),
    `${Math.max(0, rest / 1000).toFixed(0)} s`,
    `${((100 * taken) / MESSAGES).toFixed(0)} %`,
  ]);
}

const killed: string[][] = [];
const quiet = await watch(3000);
for (const count of [1000, 10_000, 50_000]) {
  const victim = gateway(UNLIMITED);
  const took = await victim.call("bind", count);
  await wait(1000);
  const watching = watch(count > 10_000 ? 60_000 : 10_000);
  await victim[Symbol.asyncDispose]();
  const { publish, bind } = await watching;
  killed.push([
    count.toLocaleString("en"),
    `${Math.round((count / took) * 1000).toLocaleString("en")}/s`,
    ms(publish),
    `${(publish / quiet.publish).toFixed(1)}×`,
    ms(bind),
    `${(bind / quiet.bind).toFixed(1)}×`,
  ]);
}

process.stdout.write(
  `\nRabbitMQ ${version}. ${machine().replace(/, medians.*/, "")}\n\nQuiet: publish ${ms(quiet.publish)}, bind ${ms(quiet.bind)}.\n\n`,
);
printTable(
  [
    "bindings of the killed gateway",
    "bound at",
    "longest publish elsewhere",
    "against quiet",
    "longest bind elsewhere",
    "against quiet",
  ],
  killed,
);
process.stdout.write(
  `\nA gateway folds above ${MAX_ROOMS} rooms; an unwanted message costs it ${cpuOfOne.toFixed(1)} µs of CPU.\n\n`,
);
printTable(
  [
    "rooms",
    "folded partitions",
    "bindings",
    "all heard after",
    "unfolded after",
    "taken in of what is said to others' rooms",
  ],
  folded,
);
process.exit(0);
