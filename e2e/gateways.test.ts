import { expect } from "@jest/globals";
import { openClient, type Client } from "./support/client.ts";
import { openEntry } from "./support/entry.ts";
import { measured, secondsOf } from "./support/figures.ts";
import { light } from "./support/resource.ts";
import { readyPods, scenario } from "./support/stage.ts";
import { stream } from "./support/stream.ts";
import { waitFor } from "./support/wait-for.ts";

const CLIENTS = 120;
const SESSION_NUMBER = 8;
const cluster = (count: object) =>
  light("chat", { gateway: { ...count, recovery: { windowSeconds: 120 }, drain: { graceSeconds: 15 } } });

/** How many clients each gateway has, by the number in its sessions' ids. */
const loads = (clients: readonly Client[]): number[] => {
  const counts = new Map<string, number>();
  for (const { socket } of clients) {
    if (!socket.connected) throw new Error("a client is away");
    const gateway = socket.io.engine.id?.slice(0, SESSION_NUMBER) ?? "";
    counts.set(gateway, (counts.get(gateway) ?? 0) + 1);
  }
  return [...counts.values()];
};

scenario(
  "gateways grow with their connections, new ones get their share, the emptiest go, and no client misses anything",
  async (stage) => {
    await stage.apply(cluster({ autoscaling: { minReplicas: 2, maxReplicas: 4, connectionsPerReplica: 30 } }));
    await stage.ready("chat");
    const two = await stage.podUids("chat", "gateway");
    await using entry = await openEntry(stage.namespace, "chat-gateway");
    using stack = new DisposableStack();
    const clients: Client[] = [];
    for (let i = 0; i < CLIENTS; i += 20)
      clients.push(
        ...(await Promise.all(Array.from({ length: 20 }, () => openClient(entry.url)))).map((it) => stack.use(it)),
      );
    const [sender, ...listeners] = clients;
    if (sender === undefined) throw new Error("no client");
    await using jobs = stream(sender, listeners.slice(0, 1), 200);

    const seconds = await secondsOf(async () => {
      await readyPods(stage, "chat", "gateway", 4);
      await waitFor(
        () => {
          const now = loads(clients);
          expect(now).toHaveLength(4);
          expect(Math.max(...now)).toBeLessThanOrEqual((1.2 * CLIENTS) / 4);
        },
        { timeoutMs: 120_000 },
      );
    });
    await measured(`${CLIENTS} clients at 2 gateways → the fullest of 4 has at most 1.2 of the mean`, seconds, "s", 60);
    expect(Math.max(...clients.map((client) => client.losses()))).toBe(1);
    expect(await stage.podUids("chat", "gateway")).toEqual(expect.arrayContaining(two));
    const told = await stage.kubectl("get", "events", "-o", "jsonpath={.items[*].message}");
    expect(told).toMatch(/gateways \d → [34]: /);

    await stage.apply(cluster({ replicas: 2 }));
    await readyPods(stage, "chat", "gateway", 2, 180_000);
    await waitFor(() => expect(loads(clients)).toHaveLength(2), { timeoutMs: 60_000 });
    await jobs.more(20);
    await jobs.settled();
    for (const client of clients) {
      const heard = client.of("chat:message").map((it) => Reflect.get(Object(it), "id"));
      expect(new Set(heard).size).toBe(heard.length);
      expect(heard).toEqual(expect.arrayContaining([...jobs.acked]));
    }
  },
  600_000,
);
