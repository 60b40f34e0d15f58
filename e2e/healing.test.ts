import { describe, expect } from "@jest/globals";
import { setTimeout as pause } from "node:timers/promises";
import { openClient } from "./support/client.ts";
import { openEntry } from "./support/entry.ts";
import { measured, secondsOf } from "./support/figures.ts";
import { leader, metricsOf, sumOf } from "./support/operator.ts";
import { chatPool, full } from "./support/resource.ts";
import { shared, type Stage } from "./support/stage.ts";
import { waitFor } from "./support/wait-for.ts";

const SELECTOR = "realtimecluster.dev/cluster=chat";

/** A job goes through, from a client that comes anew; one whose answer came while Redis was away is done, and nobody was told. */
const jobGoesThrough = async (stage: Stage): Promise<void> => {
  await using entry = await openEntry(stage.namespace, "chat-gateway");
  using client = await waitFor(() => openClient(entry.url), { timeoutMs: 120_000 });
  await waitFor(() => client.job(10_000), { timeoutMs: 120_000 });
};

const named = async (stage: Stage, kind: string, part: string): Promise<string> => {
  const found = (await stage.list(kind, SELECTOR)).find(({ metadata }) => metadata.name.includes(part));
  if (found === undefined) throw new Error(`no ${kind} is called …${part}…`);
  return found.metadata.name;
};

describe("a cluster with Redis and RabbitMQ of its own", () => {
  const it = shared("healing", async (stage) => {
    await stage.apply(full("chat", { gateway: { replicas: 1, api: {} }, workers: [chatPool()] }));
    await stage.ready("chat");
    await jobGoesThrough(stage);
  });

  const DELETED = [
    ["the gateways' Deployment", "deployment", "chat-gateway"],
    ["the workers' Deployment", "deployment", "chat-worker-chat"],
    ["the clients' Service", "service", "chat-gateway"],
    ["the headless Service", "service", "chat-peers"],
    ["RabbitMQ's Service", "service", "chat-rabbitmq"],
    ["Redis' StatefulSet", "statefulset", "chat-redis"],
    ["RabbitMQ's StatefulSet", "statefulset", "chat-rabbitmq"],
    ["the processes' ConfigMap", "configmap", "chat-config"],
    ["the Secret of keys", "secret", "chat-keys"],
    ["RabbitMQ's Secret", "secret", "chat-rabbitmq"],
    ["Redis' Secret", "secret", "chat-redis"],
  ] as const;
  for (const [what, kind, part] of DELETED)
    it(`makes ${what} anew when it is deleted by hand, and a job goes through`, async (stage) => {
      const name = await named(stage, kind, part);
      const { uid } = (await stage.get(kind, name)).metadata;
      await stage.kubectl("delete", kind, name, "--wait=false");
      await waitFor(
        async () => {
          const { metadata } = await stage.get(kind, name);
          if (metadata.uid === uid) throw new Error(`${kind} ${name} was not made anew`);
        },
        { timeoutMs: 90_000 },
      );
      await stage.ready("chat");
      await jobGoesThrough(stage);
    });

  it("puts back a field that was changed by hand", async (stage) => {
    const name = await named(stage, "deployment", "chat-worker-chat");
    const grace = ["get", "deployment", name, "-o", "jsonpath={.spec.template.spec.terminationGracePeriodSeconds}"];
    const before = await stage.kubectl(...grace);
    const patch = JSON.stringify({ spec: { template: { spec: { terminationGracePeriodSeconds: 1 } } } });
    await stage.kubectl("patch", "deployment", name, "-p", patch);
    const seconds = await secondsOf(() =>
      waitFor(async () => expect(await stage.kubectl(...grace)).toBe(before), { everyMs: 50, timeoutMs: 20_000 }),
    );
    await measured("a field changed by hand → put back", seconds, "s", 1);
    await stage.ready("chat");
  });

  it("leaves a label, an annotation and a port that somebody else added", async (stage) => {
    const patch = JSON.stringify({
      metadata: { labels: { team: "chat" }, annotations: { "example.com/note": "ours" } },
      spec: { ports: [{ name: "extra", port: 9999, protocol: "TCP" }] },
    });
    await stage.kubectl("patch", "service", "chat-gateway", "--field-manager=somebody", "-p", patch);
    const name = await named(stage, "deployment", "chat-worker-chat");
    await stage.kubectl("delete", "deployment", name);
    await waitFor(() => stage.get("deployment", name), { timeoutMs: 30_000 });
    const service = await stage.get("service", "chat-gateway");
    expect(service.metadata.labels).toMatchObject({ team: "chat" });
    expect(service.metadata.annotations).toMatchObject({ "example.com/note": "ours" });
    expect(JSON.stringify(service["spec"])).toContain('"extra"');
    await stage.ready("chat");
  });

  it("writes nothing and lists nothing while nothing happens", async (stage) => {
    await stage.ready("chat");
    const kinds = "rtc,deployments,statefulsets,services,secrets,configmaps,poddisruptionbudgets,networkpolicies";
    const versions = async () =>
      (await stage.list(kinds))
        .map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`)
        .sort();
    await pause(35_000);
    const [pod, before] = [await leader(), await versions()];
    const start = await metricsOf(pod);
    const IDLE_SECONDS = 60;
    await pause(IDLE_SECONDS * 1000);
    const end = await metricsOf(pod);
    const per = (method: string) =>
      ((sumOf(end, "rest_client_requests_total", { method }) - sumOf(start, "rest_client_requests_total", { method })) *
        60) /
      IDLE_SECONDS;
    const writes = ["POST", "PUT", "PATCH", "DELETE"].reduce((sum, method) => sum + per(method), 0);
    await measured("idle: writes to the API server, most of them the Lease's", writes, "per minute", 33);
    await measured("idle: reads of the API server, watches that begin anew among them", per("GET"), "per minute", 10);
    expect(await versions()).toEqual(before);
    expect(writes).toBeLessThan(34);
    expect(per("GET")).toBeLessThan(45);
  });
});
