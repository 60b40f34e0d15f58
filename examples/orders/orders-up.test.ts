import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually, sharedServer } from "#testing";
import { Client as Database } from "pg";
import { z } from "zod";
import { openClient, type Client } from "../testing/client.ts";
import { PATIENCE, runExample, type RunningExample } from "../testing/run-example.ts";

jest.setTimeout(240_000);

const items = [
  { sku: "tea", quantity: 2 },
  { sku: "cup", quantity: 1 },
];
const taken = z.object({ ok: z.literal(true), id: z.string() });
const job = z.object({
  job: z.object({
    state: z.string(),
    attempt: z.number(),
    worker: z.string().optional(),
    result: z.object({ order: z.number() }).optional(),
  }),
});

describe("an order", () => {
  const stack = new AsyncDisposableStack();
  let example: RunningExample;
  let database: Database;

  beforeAll(async () => {
    const { uri } = await sharedServer("postgres");
    const name = `orders_${randomUUID().replaceAll("-", "")}`;
    const admin = new Database({ connectionString: uri });
    await admin.connect();
    await admin.query(`CREATE DATABASE ${name}`);
    await admin.end();
    const address = new URL(uri);
    address.pathname = name;
    database = new Database({ connectionString: address.href });
    await database.connect();
    stack.defer(() => database.end());
    example = stack.use(await runExample("orders", { secrets: { orders: { url: address.href } } }));
    await example.settled((pids) => Object.keys(pids).some((it) => it.includes("-worker-")));
    // The first order makes the tables.
    using first = await openClient(example.url);
    await first.hear("job:done", { id: await place(first) });
  });
  afterAll(() => stack.disposeAsync());

  const place = async (client: Client, id: string = randomUUID()): Promise<string> => {
    const ack = await client.ask("orders:place", { items }, { id });
    expect(ack).toEqual(expect.objectContaining({ ok: true, id }));
    return taken.parse(ack).id;
  };
  const statusOf = async (client: Client, id: string) => job.parse(await client.ask("job:status", { id })).job;
  const running = (client: Client, id: string) =>
    eventually(async () => {
      const { state, worker } = await statusOf(client, id);
      expect(state).toBe("running");
      return z.string().parse(worker);
    }, PATIENCE);
  const done = (client: Client, id: string) =>
    eventually(async () => {
      const seen = await statusOf(client, id);
      expect(seen).toMatchObject({ state: "done", result: { order: expect.any(Number) } });
      return seen;
    }, PATIENCE);
  const orders = async (user: string): Promise<number[]> => {
    const { rows } = await database.query<{ id: string }>("SELECT id FROM orders WHERE customer = $1 ORDER BY id", [
      user,
    ]);
    return rows.map(({ id }) => Number(id));
  };
  /** No order can be written until the returned function was called. */
  const lock = async () => {
    await database.query("BEGIN");
    await database.query("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
    return () => database.query("COMMIT");
  };

  test("outlives its client: another connection of the same user gets the result", async () => {
    const first = await openClient(example.url);
    const { user, token } = await first.session();
    const unlock = await lock();
    const id = await place(first);
    await running(first, id);
    first[Symbol.dispose]();
    using second = await openClient(example.url, { token });
    expect((await statusOf(second, id)).state).toBe("running");
    await unlock();
    const { result } = await done(second, id);
    expect(await orders(user)).toEqual([result?.order]);
    expect(await second.hear("orders:placed", { order: result?.order })).toMatchObject({ items });
    using stranger = await openClient(example.url);
    expect(await stranger.ask("job:status", { id })).toMatchObject({ ok: false, error: { code: "not_found" } });
  });

  test("sent again with its id is one order, before and after it is done, from any connection", async () => {
    using one = await openClient(example.url, { channels: ["shop"] });
    const { user, token } = await one.session();
    using other = await openClient(example.url, { token });
    const id = randomUUID();
    await Promise.all([place(one, id), place(other, id), place(one, id)]);
    const { result } = await done(one, id);
    await place(other, id);
    // A later order of the same user is done, so an earlier repeat would be there.
    const last = await done(other, await place(other));
    expect(await orders(user)).toEqual([result?.order, last.result?.order]);
    await one.hear("orders:count");
  });

  test("whose worker is killed in the middle of it is written once, by another", async () => {
    using client = await openClient(example.url);
    const { user } = await client.session();
    const unlock = await lock();
    const id = await place(client);
    const worker = await running(client, id);
    const replaced = example.killAndAwait(worker.replace(/-[0-9a-f]{8}$/, ""));
    await eventually(async () => expect(await running(client, id)).not.toBe(worker), PATIENCE);
    await replaced;
    await unlock();
    const { result, attempt } = await done(client, id);
    expect(attempt).toBeGreaterThan(1);
    expect(await orders(user)).toEqual([result?.order]);
    await client.hear("job:done", { id });
  });

  test("is among many, a worker killed between them: each is written once and told", async () => {
    using client = await openClient(example.url);
    const { user } = await client.session();
    // As many as one connection may send at once.
    const ids = Array.from({ length: 90 }, () => randomUUID());
    const placed = ids.map(async (id, n) => {
      if (n >= 30) await client.hear("job:done", { id: ids[n - 30] });
      await place(client, id);
    });
    await client.hear("job:done", { id: ids[20] });
    const [worker] = Object.keys(await example.pids()).filter((it) => it.includes("-worker-"));
    await example.killAndAwait(worker ?? "");
    await Promise.all(placed);
    // Who was told of it knows the order; what was told while he could not hear is in the ledger.
    const told = z.object({ result: z.object({ order: z.number() }) });
    const all: number[] = [];
    for (const id of ids) {
      const [heard] = client.of("job:done", { id });
      const { result } = heard === undefined ? await done(client, id) : told.parse(heard);
      all.push(result?.order ?? -1);
    }
    expect(new Set(all).size).toBe(ids.length);
    expect(await orders(user)).toEqual(all.toSorted((a, b) => a - b));
  });
});
