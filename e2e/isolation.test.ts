import { expect } from "@jest/globals";
import { openClient } from "./support/client.ts";
import { openEntry } from "./support/entry.ts";
import { light } from "./support/resource.ts";
import { openStage, scenario } from "./support/stage.ts";
import { holdsFor, waitFor } from "./support/wait-for.ts";

scenario(
  "two clusters in one namespace and one of the same name in another do not touch",
  async (stage) => {
    await using other = await openStage("isolation-other");
    // `a` with the pool `b-c` and `a-b` with the pool `c` would have the same names, were they only joined.
    const pool = (name: string) => {
      const [first] = light("x").spec?.workers ?? [];
      return { ...first, events: ["chat:*"], name };
    };
    await stage.apply(light("a", { workers: [pool("b-c")] }));
    await stage.apply(light("a-b", { workers: [pool("c")] }));
    await other.apply(light("a", { workers: [pool("b-c")] }));
    await Promise.all([stage.ready("a"), stage.ready("a-b"), other.ready("a")]);
    const deployments = (await stage.list("deployment")).map(({ metadata }) => metadata.name);
    expect(new Set(deployments).size).toBe(deployments.length);

    await using entryA = await openEntry(stage.namespace, "a-gateway");
    await using entryAb = await openEntry(stage.namespace, "a-b-gateway");
    await using entryOther = await openEntry(other.namespace, "a-gateway");
    using one = await openClient(entryA.url);
    using two = await openClient(entryAb.url);
    using three = await openClient(entryOther.url);
    const id = await one.job();
    for (const stranger of [two, three]) expect(stranger.of("chat:message", { id })).toEqual([]);

    const uids = [await stage.podUids("a-b"), await other.podUids("a")];
    await stage.kubectl("delete", "rtc", "a", "--wait=false");
    await waitFor(async () => expect(await stage.pods("a")).toEqual([]), { timeoutMs: 120_000 });
    await holdsFor(async () => expect([await stage.podUids("a-b"), await other.podUids("a")]).toEqual(uids), {
      forMs: 5000,
    });
    await two.job();
    await three.job();
  },
  420_000,
);

scenario("an object that somebody else owns is refused with a condition, and never taken over", async (stage) => {
  const data = { theirs: "yes" };
  const theirs = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "chat-config" }, data };
  await stage.apply(theirs);
  await stage.apply(light("chat"));
  const { message } = await stage.condition("chat", "Ready", "False", { message: /chat-config/ });
  expect(message).toMatch(/ConfigMap/);
  expect((await stage.get("configmap", "chat-config"))["data"]).toEqual(data);
  await stage.kubectl("delete", "configmap", "chat-config");
  await stage.ready("chat");
  await stage.kubectl("delete", "rtc", "chat");
});
