import { handlers } from "@realtimecluster/worker";
import { openOrderBook } from "./order-book.ts";
import { place } from "./place.ts";

const url = process.env["DATABASE_URL"];
if (url === undefined)
  throw new Error("DATABASE_URL is not set: write the database's address into .secrets/orders/url");

export default handlers({ "orders:place": place(openOrderBook(url)) });
