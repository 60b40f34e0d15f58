import { z } from "zod";

const queues = z.array(z.looseObject({ name: z.string(), messages: z.number().optional() }));

export interface JobsLeftOptions {
  /** Of the management API: http://chat-rabbitmq.default.svc:15672. */
  uri: string;
  username: string;
  password: string;
  /** The cluster whose queues are counted. */
  cluster: string;
  fetch?: typeof globalThis.fetch;
  timeoutMs?: number;
}

const isJobs = (cluster: string, queue: string): boolean =>
  ["jobs", "requests", "delay", "dead"].some((kind) => queue.startsWith(`${cluster}.${kind}.`));

/** How many jobs wait in RabbitMQ: in queues of pools, between attempts and dead; undefined where it does not answer. */
export const jobsLeft = async ({
  uri,
  username,
  password,
  cluster,
  fetch = globalThis.fetch,
  timeoutMs = 2000,
}: JobsLeftOptions): Promise<number | undefined> => {
  try {
    const response = await fetch(new URL("/api/queues?disable_stats=true&enable_queue_totals=true", uri), {
      headers: { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` },
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!response.ok) return undefined;
    const found = queues.parse(await response.json());
    return found.filter(({ name }) => isJobs(cluster, name)).reduce((sum, { messages = 0 }) => sum + messages, 0);
  } catch {
    return undefined;
  }
};
