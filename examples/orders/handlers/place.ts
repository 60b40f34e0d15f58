import { handle } from "@realtimecluster/worker";
import { z } from "zod";
import type { OrderBook } from "./order-book.ts";

const order = z.object({
  items: z
    .array(z.object({ sku: z.string().min(1).max(64), quantity: z.int().min(1).max(1000) }))
    .min(1)
    .max(100),
});

/** Writes the order, then tells: a worker that dies in between runs the job again, finds the order and tells it then. */
export const place = (book: OrderBook) =>
  handle(order, async ({ items }, ctx) => {
    const placed = await book.place(ctx.key, ctx.user, items);
    if (ctx.user !== undefined) ctx.toUser(ctx.user).emit("orders:placed", placed);
    ctx.to("shop").emit("orders:count", { orders: await book.count() });
    return { order: placed.order };
  });
