import { describe, expect, test } from "@jest/globals";
import { openClient } from "./support/client.ts";
import { measured, secondsOf } from "./support/figures.ts";
import { operatorPods } from "./support/operator.ts";
import { isReady } from "./support/kubectl.ts";
import { portForward } from "./support/port-forward.ts";
import { chatFile } from "./support/resource.ts";
import { readyPods, shared } from "./support/stage.ts";

test("the chart installs an operator of two, both ready", async () => {
  const pods = await operatorPods();
  expect(pods).toHaveLength(2);
  expect(pods.every(isReady)).toBe(true);
});

describe("the chat", () => {
  const it = shared("smoke", async (stage) => {
    const seconds = await secondsOf(async () => {
      await stage.apply(chatFile());
      await stage.ready("chat");
    });
    await measured("apply → Ready, the chat with managed Redis and RabbitMQ of 1", seconds, "s", 45);
  });

  it("is Ready, and says so at a glance", async (stage) => {
    expect(await stage.kubectl("get", "rtc", "chat")).toMatch(/chat\s+True\s+\S+\s+2\/2/);
    const status = await stage.status("chat");
    const by = Object.fromEntries(status.conditions.map(({ type, status }) => [type, status]));
    expect(by).toMatchObject({
      Ready: "True",
      GatewaysReady: "True",
      BrokerReady: "True",
      AdapterReady: "True",
      WorkersReady: "True",
      Reconciling: "False",
      Stalled: "False",
      Paused: "False",
    });
    expect(status.gateways).toBe("2/2");
    expect(status.pools).toMatchObject([
      { name: "chat", replicas: 2, ready: 2 },
      { name: "load", replicas: 0, ready: 0 },
    ]);
    expect(status.version).toMatch(/\S/);
  });

  it("serves its page", async (stage) => {
    const [gateway] = await readyPods(stage, "chat", "gateway", 2);
    await using forward = await portForward(stage.namespace, `pod/${gateway?.metadata.name}`, 3000);
    const page = await fetch(`http://127.0.0.1:${forward.port}/`);
    expect(page.status).toBe(200);
    expect(await page.text()).toMatch(/<html/i);
  });

  it("lets two clients on two gateways chat through Redis, and does their jobs through RabbitMQ", async (stage) => {
    const [one, two] = await readyPods(stage, "chat", "gateway", 2);
    await using first = await portForward(stage.namespace, `pod/${one?.metadata.name}`, 3000);
    await using second = await portForward(stage.namespace, `pod/${two?.metadata.name}`, 3000);
    using ann = await openClient(`http://127.0.0.1:${first.port}`);
    using bob = await openClient(`http://127.0.0.1:${second.port}`);
    for (const [from, to] of [
      [ann, bob],
      [bob, ann],
    ] as const) {
      const id = await from.say("hello");
      expect(await to.hear("chat:message", { id })).toMatchObject({ id, text: "hello", user: await from.user() });
      expect(await from.hear("job:done", { id })).toMatchObject({ id, result: { id } });
      expect(to.of("job:done", { id })).toEqual([]);
    }
  });

  it("takes a client that polls before it upgrades", async (stage) => {
    const [one] = await readyPods(stage, "chat", "gateway", 2);
    await using forward = await portForward(stage.namespace, `pod/${one?.metadata.name}`, 3000);
    using client = await openClient(`http://127.0.0.1:${forward.port}`, { transports: ["polling", "websocket"] });
    await client.job();
  });

  it("is explained by kubectl", async (stage) => {
    expect(await stage.kubectl("explain", "rtc.spec.gateway.replicas")).toMatch(/FIELD: replicas <integer>/);
  });
});
