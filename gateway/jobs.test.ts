import { describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import { testCluster } from "./testing/cluster.ts";
import { poolOf } from "./testing/settings.ts";

describe("events that pools take", () => {
  test("job: the ack says taken, nothing about the job comes before it, and job:done follows the user to another gateway", async () => {
    const pool = poolOf("chat", ["chat:*"]);
    await using cluster = testCluster([pool]);
    await cluster.worker(pool, (job, emitter) => {
      emitter.to("lobby").emit("chat:message", { text: job.payload });
      return { length: String(job.payload).length };
    });
    const [here, there] = [await cluster.gateway(), await cluster.gateway()];
    using anna = await here.client();
    await eventually(() => expect(anna.of("session")).toHaveLength(1));
    const [session] = anna.of("session") as { user: string; token: string }[];
    using again = await there.client({ token: session?.token });
    expect(await anna.ask("subscribe", { channel: "lobby" })).toEqual({ ok: true });

    const orders: string[][] = [];
    for (let n = 0; n < 20; n += 1) {
      anna.heard.length = 0;
      const ack = await new Promise((resolve) => {
        // What came before it is looked at here: a promise is told after all that came in the same packet.
        anna.socket.emit("chat:message", "hello", (it: unknown) => {
          orders.push(anna.heard.map(([event]) => event));
          resolve(it);
        });
      });
      expect(ack).toEqual({ ok: true, id: expect.stringMatching(/^[0-9a-f-]{36}$/), durable: true });
      await eventually(() => expect(anna.heard.map(([event]) => event)).toEqual(["chat:message", "job:done"]));
    }
    expect(orders.flat()).toEqual([]);
    await eventually(() => expect(again.of("job:done")).toHaveLength(20));
    expect(again.of("session")).toMatchObject([{ user: session?.user }]);
  });

  test("job: a client's id is taken once, acked again as it was, and refused for another event", async () => {
    const pool = poolOf("chat", ["chat:*"]);
    await using cluster = testCluster([pool]);
    const runs: string[] = [];
    await cluster.worker(pool, (job) => runs.push(`${job.user}/${job.id}`));
    const here = await cluster.gateway();
    using anna = await here.client();
    using ben = await here.client();
    const first = await anna.ask("chat:a", { n: 1 }, { id: "one" });
    expect(first).toEqual({ ok: true, id: "one", durable: true });
    await eventually(async () => {
      expect(await anna.ask("chat:a", { n: 1 }, { id: "one" })).toEqual(first);
    });
    expect(await anna.ask("chat:b", {}, { id: "one" })).toMatchObject({ ok: false, error: { code: "id_conflict" } });
    expect(await ben.ask("chat:b", {}, { id: "one" })).toEqual({ ok: true, id: "one", durable: true });
    await eventually(() => expect(new Set(runs).size).toBe(2));
  });

  test("job: one that waits for a worker is known by its id at once, and in the queue that jobs:<pool> shows", async () => {
    const pool = poolOf("chat", ["chat:*"]);
    await using cluster = testCluster([pool]);
    const here = await cluster.gateway();
    using anna = await here.client();
    const { id } = (await anna.ask("chat:message", 1)) as { id: string };
    expect(await anna.ask("job:status", { id })).toMatchObject({
      ok: true,
      job: { id, state: "queued", pool: "chat" },
    });
    await eventually(async () => {
      expect(await here.store.ledger.overview("chat", 10)).toMatchObject({ waiting: 1, queued: [{ id }] });
    });
    await cluster.worker(pool, () => 1);
    await eventually(() => expect(anna.of("job:done")).toMatchObject([{ id }]));
  });

  test("request: the ack is the handler's result, its failure, or request_timeout", async () => {
    const pool = poolOf("calc", ["calc:*"], { mode: "request", timeoutSeconds: 1 });
    await using cluster = testCluster([pool]);
    await cluster.worker(pool, (job) => {
      if (job.event === "calc:fail") throw new Error("no");
      if (job.event === "calc:slow") return new Promise((resolve) => setTimeout(resolve, 3000));
      return { got: job.payload };
    });
    const here = await cluster.gateway();
    using anna = await here.client();
    expect(await anna.ask("calc:echo", { a: 1 })).toEqual({ ok: true, result: { got: { a: 1 } } });
    expect(await anna.ask("calc:fail")).toMatchObject({ ok: false, error: { code: "handler_failed" } });
    expect(await anna.ask("calc:slow")).toMatchObject({ ok: false, error: { code: "request_timeout" } });
    expect(await here.metric("realtime_requests_waiting")).toBe(0);
  });

  test("copy: every copy pool gets one, beside the pool that answers or alone", async () => {
    const chat = poolOf("chat", ["chat:*"]);
    const audit = poolOf("audit", ["*"], { mode: "copy" });
    await using cluster = testCluster([chat, audit]);
    const copied: string[] = [];
    await cluster.worker(chat, () => "done");
    await cluster.worker(audit, (job) => copied.push(job.event));
    const here = await cluster.gateway();
    using anna = await here.client();
    expect(await anna.ask("seen", 1)).toEqual({ ok: true, copies: 1 });
    expect(await anna.ask("chat:a", 1)).toMatchObject({ ok: true, durable: true });
    await eventually(() => expect(copied.filter((event) => !event.startsWith("$")).sort()).toEqual(["chat:a", "seen"]));
  });

  test("pools that appear later are declared and routed to", async () => {
    await using cluster = testCluster([]);
    const here = await cluster.gateway();
    using anna = await here.client();
    expect(await anna.ask("chat:a")).toMatchObject({ ok: false, error: { code: "unknown_event" } });
    const pool = poolOf("chat", ["chat:*"]);
    cluster.config.set([pool]);
    await eventually(async () => expect(await anna.ask("chat:a")).toMatchObject({ ok: true }));
  });

  test("binary goes to the pool and comes back", async () => {
    const pool = poolOf("chat", ["chat:*"]);
    await using cluster = testCluster([pool]);
    await cluster.worker(pool, (job, emitter) => emitter.toUser(job.user ?? "").emit("got", job.payload));
    const here = await cluster.gateway();
    using anna = await here.client();
    expect(await anna.ask("chat:a", { bytes: Buffer.from([1, 2, 3]) })).toMatchObject({ ok: true });
    await eventually(() => expect(anna.of("got")).toEqual([{ bytes: Buffer.from([1, 2, 3]) }]));
  });

  test("binary in the answer to a request is binary at the client", async () => {
    const pool = poolOf("ask", ["ask:*"], { mode: "request" });
    await using cluster = testCluster([pool]);
    await cluster.worker(pool, (job) => ({ twice: [job.payload, job.payload], plain: { $binary: "aGk=" } }));
    const here = await cluster.gateway();
    using anna = await here.client();
    const bytes = Buffer.from([1, 2, 3]);
    expect(await anna.ask("ask:a", bytes)).toEqual({
      ok: true,
      result: { twice: [bytes, bytes], plain: { $binary: "aGk=" } },
    });
  });
});
