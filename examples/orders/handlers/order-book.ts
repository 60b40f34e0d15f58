import { Pool, type PoolClient } from "pg";

/** One position of an order. */
export interface Item {
  sku: string;
  quantity: number;
}

/** An order as it is in the database. `order` is its number. */
export interface Placed {
  order: number;
  items: Item[];
  /** ms since the epoch. */
  at: number;
}

/** The orders in PostgreSQL. */
export interface OrderBook extends AsyncDisposable {
  /** Writes the order of that job, once: a repeat gets the order as it was written. */
  place(jobKey: string, user: string | undefined, items: readonly Item[]): Promise<Placed>;
  count(): Promise<number>;
}

/** Any number, the same in every process: one at a time makes the tables. */
const MAKING_TABLES = 7_420_001;

const TABLES = `
  CREATE TABLE IF NOT EXISTS orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_key text NOT NULL UNIQUE,
    customer text,
    placed_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE TABLE IF NOT EXISTS order_items (
    order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
    position integer NOT NULL,
    sku text NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, position)
  )`;

const inTransaction = async <T>(pool: Pool, run: (client: PoolClient) => Promise<T>): Promise<T> => {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query("BEGIN");
    const result = await run(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch((unreachable: Error) => (broken = unreachable));
    throw error;
  } finally {
    client.release(broken);
  }
};

const readOrder = async (client: PoolClient, jobKey: string): Promise<Placed> => {
  const { rows } = await client.query<{ id: string; at: Date; sku: string; quantity: number }>(
    `SELECT o.id, o.placed_at AS at, i.sku, i.quantity FROM orders o JOIN order_items i ON i.order_id = o.id
     WHERE o.job_key = $1 ORDER BY i.position`,
    [jobKey],
  );
  const [first] = rows;
  if (first === undefined) throw new Error("the order is neither new nor there");
  return {
    order: Number(first.id),
    items: rows.map(({ sku, quantity }) => ({ sku, quantity })),
    at: first.at.getTime(),
  };
};

/** Connects at the first order and makes the tables if they are missing. */
export const openOrderBook = (connectionString: string): OrderBook => {
  const pool = new Pool({ connectionString, max: 10, connectionTimeoutMillis: 5_000 });
  pool.on("error", () => {}); // an idle connection was cut: the next query opens another or rejects
  let tables: Promise<void> | undefined;
  const makeTables = () =>
    inTransaction(pool, async (client) => {
      await client.query("SELECT pg_advisory_xact_lock($1)", [MAKING_TABLES]);
      await client.query(TABLES);
    });
  const ready = () => {
    tables ??= makeTables().catch((error: unknown) => {
      tables = undefined;
      throw error;
    });
    return tables;
  };
  return {
    place: async (jobKey, user, items) => {
      await ready();
      return inTransaction(pool, async (client) => {
        const { rows } = await client.query<{ id: string }>(
          "INSERT INTO orders (job_key, customer) VALUES ($1, $2) ON CONFLICT (job_key) DO NOTHING RETURNING id",
          [jobKey, user],
        );
        const [made] = rows;
        if (made !== undefined)
          await client.query(
            `INSERT INTO order_items (order_id, position, sku, quantity)
             SELECT $1, place, sku, quantity FROM unnest($2::text[], $3::integer[]) WITH ORDINALITY AS t(sku, quantity, place)`,
            [made.id, items.map(({ sku }) => sku), items.map(({ quantity }) => quantity)],
          );
        return readOrder(client, jobKey);
      });
    },
    count: async () => {
      await ready();
      const { rows } = await pool.query<{ orders: number }>("SELECT count(*)::integer AS orders FROM orders");
      return rows[0]?.orders ?? 0;
    },
    [Symbol.asyncDispose]: () => pool.end(),
  };
};
