import { expect } from "@jest/globals";
import { openClient } from "./support/client.ts";
import { openEntry } from "./support/entry.ts";
import { measured, secondsOf } from "./support/figures.ts";
import { kubectl, kubectlJson, listOf, object } from "./support/kubectl.ts";
import { chatPool, light } from "./support/resource.ts";
import { readyPods, scenario } from "./support/stage.ts";
import { stream } from "./support/stream.ts";
import { waitFor } from "./support/wait-for.ts";

/** Nodes that pods of ours run on. */
const workers = async (): Promise<string[]> =>
  (await kubectlJson(listOf(object), ["get", "nodes"])).items
    .filter(({ metadata }) => metadata.labels["node-role.kubernetes.io/control-plane"] === undefined)
    .map(({ metadata }) => metadata.name);

scenario(
  "kubectl drain of a node: it ends, every client is back by itself, and no acked job is lost",
  async (stage) => {
    const nodes = await workers();
    // With one node there is none to go to: the cluster of `npm run e2e` has two.
    expect(nodes.length).toBeGreaterThan(1);
    await stage.apply(
      light("chat", {
        gateway: { replicas: 2, drain: { graceSeconds: 10, reconnectsPerSecond: 20 } },
        workers: [chatPool({ replicas: 2 })],
      }),
    );
    await stage.ready("chat");
    const gateways = await readyPods(stage, "chat", "gateway", 2);
    expect(new Set(gateways.map(({ spec }) => spec.nodeName)).size).toBe(2);
    const node = gateways[0]?.spec.nodeName ?? "";
    await using entry = await openEntry(stage.namespace, "chat-gateway");
    using sender = await openClient(entry.url);
    using listener = await openClient(entry.url);
    await using jobs = stream(sender, [listener]);
    await jobs.more(30);
    try {
      const seconds = await secondsOf(() =>
        kubectl(["drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=240s"], {
          timeoutMs: 250_000,
        }),
      );
      await measured("kubectl drain of one of two nodes", seconds, "s");
      await jobs.more(30, 120_000);
      expect(await jobs.settled()).toBeGreaterThan(0);
      await waitFor(() => expect([sender.socket.connected, listener.socket.connected]).toEqual([true, true]));
      await stage.ready("chat");
    } finally {
      await kubectl(["uncordon", node]);
    }
  },
  600_000,
);

scenario(
  "a gateway of one, and workers of one, do not hold a drain up",
  async (stage) => {
    const nodes = await workers();
    expect(nodes.length).toBeGreaterThan(1);
    await stage.apply(light("chat", { gateway: { replicas: 1, drain: { graceSeconds: 5 } } }));
    await stage.ready("chat");
    const [gateway] = await readyPods(stage, "chat", "gateway", 1);
    const node = gateway?.spec.nodeName ?? "";
    try {
      await kubectl(["drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=200s"], {
        timeoutMs: 210_000,
      });
      await stage.ready("chat");
    } finally {
      await kubectl(["uncordon", node]);
    }
  },
  480_000,
);
