import { connect } from "amqplib";
import { serveRemote } from "../remote.ts";
import { countDone } from "./done.ts";

/** The least that amqplib can do: publish with confirms to a quorum queue, consume, ack. ROLE says which this is. */
const QUEUE = "bench.bare";
const connection = await connect(process.env["RABBITMQ"] ?? "");
const channel = await connection.createConfirmChannel();
await channel.assertQueue(QUEUE, { durable: true, arguments: { "x-queue-type": "quorum" } });
const done = countDone();

if (process.env["ROLE"] === "worker") {
  await channel.prefetch(Number(process.env["CONCURRENCY"]));
  await channel.consume(QUEUE, (message) => {
    if (message === null) return;
    JSON.parse(message.content.toString());
    channel.ack(message);
    done.one();
  });
}

serveRemote({
  async add(total: number, window: number, payload: string) {
    let sent = 0;
    const lane = async () => {
      while (sent++ < total)
        await new Promise<void>((resolve, reject) => {
          const body = Buffer.from(JSON.stringify({ text: payload }));
          channel.publish("", QUEUE, body, { persistent: true }, (error: unknown) =>
            error ? reject(new Error("nacked")) : resolve(),
          );
        });
    };
    await Promise.all(Array.from({ length: window }, lane));
  },
  work: done.work,
});
