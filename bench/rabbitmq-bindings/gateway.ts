import { Registry } from "prom-client";
import { pino } from "pino";
import { roomTopic } from "../../adapter/cluster-message.ts";
import { openRabbitmqBus } from "../../adapter/rabbitmq/bus.ts";
import { cpuMicros, serveRemote } from "../remote.ts";

/** A process that hears rooms as a gateway does. MAX_ROOMS and MAX_PENDING say when rooms fold into partitions. */
const registry = new Registry();
const bus = await openRabbitmqBus({
  cluster: "bench",
  node: `bench-${process.pid}`,
  settings: async () => ({ uri: process.env["RABBITMQ"] ?? "" }),
  log: pino({ level: "silent" }),
  registry,
  limits: { maxRooms: Number(process.env["MAX_ROOMS"]), maxPending: Number(process.env["MAX_PENDING"]) },
});
let heard = 0;

const gaugeOf = async (name: string) => (await registry.getSingleMetric(name)?.get())?.values[0]?.value ?? 0;

serveRemote({
  /** ms until `count` rooms are heard. */
  async bind(count: number) {
    const start = performance.now();
    const rooms = Array.from({ length: count }, (_, index) => roomTopic("/", `u:${process.pid}-${index}`));
    await Promise.all(rooms.map((topic) => bus.subscribe(topic, () => (heard += 1))));
    return performance.now() - start;
  },
  async state() {
    const [bindings, folded, taken] = await Promise.all(
      ["realtime_bus_bindings", "realtime_bus_folded_partitions", "realtime_bus_received_total"].map(gaugeOf),
    );
    return { bindings, folded, taken, heard, cpu: cpuMicros() };
  },
  /** To as many rooms, which nobody holds but by chance. */
  async say(count: number) {
    for (let index = 0; index < count; index += 1) {
      bus.publish(roomTopic("/", `u:elsewhere-${index}`), Buffer.alloc(100));
      if (index % 100 === 0) await new Promise(setImmediate);
    }
  },
});
