import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { sharedServer } from "#testing";
import { handlers, rehearse } from "@realtimecluster/worker";
import { Client } from "pg";
import { openOrderBook, type OrderBook } from "./handlers/order-book.ts";
import { place } from "./handlers/place.ts";

const items = [
  { sku: "tea", quantity: 2 },
  { sku: "cup", quantity: 1 },
];

describe("orders", () => {
  let url: string;
  let books: OrderBook[] = [];

  beforeAll(async () => {
    const { uri } = await sharedServer("postgres");
    const name = `orders_${randomUUID().replaceAll("-", "")}`;
    const admin = new Client({ connectionString: uri });
    await admin.connect();
    await admin.query(`CREATE DATABASE ${name}`);
    await admin.end();
    const address = new URL(uri);
    address.pathname = name;
    url = address.href;
    books = [openOrderBook(url), openOrderBook(url)];
  }, 60_000);

  afterAll(() => Promise.all(books.map((book) => book[Symbol.asyncDispose]())));

  const bookOf = (index: number): OrderBook => {
    const book = books[index];
    if (book === undefined) throw new Error("no such book");
    return book;
  };

  test("that run twice at once, by two workers, are placed once", async () => {
    const runs = await Promise.all(
      Array.from({ length: 10 }, (_, index) => bookOf(index % 2).place("ada/1", "ada", items)),
    );
    expect(new Set(runs.map(({ order }) => order)).size).toBe(1);
    expect(runs[0]?.items).toEqual(items);
    expect(await bookOf(0).count()).toBe(1);
  });

  test("keep what was written first: a repeat does not change them", async () => {
    const first = await bookOf(0).place("ada/2", "ada", items);
    const again = await bookOf(1).place("ada/2", "ada", [{ sku: "pot", quantity: 9 }]);
    expect(again).toEqual(first);
  });

  test("with the same id are two where the users are two", async () => {
    const before = await bookOf(0).count();
    await bookOf(0).place("ada/3", "ada", items);
    await bookOf(0).place("bob/3", "bob", items);
    expect(await bookOf(0).count()).toBe(before + 2);
  });

  test("that the database refuses leave nothing behind", async () => {
    const before = await bookOf(0).count();
    await expect(bookOf(0).place("ada/4", "ada", [...items, { sku: "tea", quantity: 0 }])).rejects.toThrow();
    expect(await bookOf(0).count()).toBe(before);
    await expect(bookOf(0).place("ada/4", "ada", items)).resolves.toMatchObject({ items });
  });

  test("are told after they are written, in every run of the job", async () => {
    const module = handlers({ "orders:place": place(bookOf(0)) });
    const first = await rehearse(module, "orders:place", { items }, { id: "5" });
    const again = await rehearse(module, "orders:place", { items }, { id: "5", attempt: 2 });
    const { order, at } = await bookOf(0).place("ada/5", "ada", items);
    expect(first.result).toEqual({ order });
    expect(first.said).toEqual([
      { to: "user:ada", event: "orders:placed", args: [{ order, items, at }] },
      { to: "channel:shop", event: "orders:count", args: [{ orders: await bookOf(0).count() }] },
    ]);
    expect(again).toEqual(first);
  });

  test("without items are rejected for good", async () => {
    const module = handlers({ "orders:place": place(bookOf(0)) });
    await expect(rehearse(module, "orders:place", { items: [] })).rejects.toMatchObject({ name: "Reject" });
  });
});
