import { expect } from "@jest/globals";
import { openClient, type Client } from "./support/client.ts";
import { openEntry } from "./support/entry.ts";
import { measured, secondsOf } from "./support/figures.ts";
import { chatPool, full, light } from "./support/resource.ts";
import { readyPods, scenario } from "./support/stage.ts";
import { stream } from "./support/stream.ts";
import { waitFor } from "./support/wait-for.ts";

const GATEWAY = { replicas: 2, drain: { graceSeconds: 15, reconnectsPerSecond: 20 } };
const CLIENTS = 20;

scenario(
  "a gateway roll under a stream of messages: every client is back by itself and no acked job is lost",
  async (stage) => {
    await stage.apply(full("chat", { gateway: GATEWAY, workers: [chatPool({ replicas: 2 })] }));
    await stage.ready("chat");
    const old = await stage.podUids("chat", "gateway");
    const others = await stage.podUids("chat", "worker");
    await using entry = await openEntry(stage.namespace, "chat-gateway");
    using stack = new DisposableStack();
    const clients: Client[] = [];
    for (let i = 0; i < CLIENTS; i++) clients.push(stack.use(await openClient(entry.url)));
    const [sender, listener, ...rest] = clients;
    if (sender === undefined || listener === undefined) throw new Error("no client");
    const users = await Promise.all(clients.map((client) => client.user()));
    await using jobs = stream(sender, [listener]);
    await jobs.more(50);

    const seconds = await secondsOf(async () => {
      await stage.apply(
        full("chat", {
          gateway: { ...GATEWAY, options: { pingInterval: 20_000 } },
          workers: [chatPool({ replicas: 2 })],
        }),
      );
      await stage.ready("chat");
      await waitFor(
        async () => {
          const left = (await stage.list("pod", "realtimecluster.dev/role=gateway")).filter(({ metadata }) =>
            old.includes(metadata.uid),
          );
          if (left.length > 0) throw new Error(`${left.length} old gateways are still there`);
        },
        { timeoutMs: 120_000 },
      );
    });
    await measured(`a roll of 2 gateways with ${CLIENTS} clients, until the old ones are gone`, seconds, "s");

    await waitFor(() => expect(clients.filter(({ socket }) => !socket.connected)).toHaveLength(0));
    expect(await Promise.all(clients.map((client) => client.user()))).toEqual(users);
    for (const client of rest) expect(client.losses()).toBeLessThanOrEqual(1);
    await jobs.more(50);
    await measured("jobs acked during the roll, none of them lost", await jobs.settled(), "jobs");
    expect(await stage.podUids("chat", "worker")).toEqual(others);
    expect(await stage.list("deployment", "realtimecluster.dev/role=gateway")).toHaveLength(1);
  },
  480_000,
);

scenario("a change that no process has to be started anew for rolls nothing", async (stage) => {
  await stage.apply(light("chat"));
  await stage.ready("chat");
  const before = await stage.podUids("chat");
  await stage.apply(light("chat", { workers: [chatPool({ retry: { attempts: 7 } })] }));
  await stage.ready("chat");
  const gateways = await readyPods(stage, "chat", "gateway", 1);
  expect(before).toContain(gateways[0]?.metadata.uid);
});
