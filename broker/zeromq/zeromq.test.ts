import { afterAll, expect } from "@jest/globals";
import { eventually, freePort, spawnNode, type NodeProcess } from "#testing";
import { describeBroker, type MortalServer } from "../suite.ts";

const HUB = new URL("../../hub/main.ts", import.meta.url).pathname;

/** A hub in a process of its own, at an address that stays. */
const startHubProcess = async (): Promise<MortalServer> => {
  const port = await freePort();
  let process: NodeProcess | undefined;
  const start = async () => {
    const started = spawnNode(HUB, {
      CLUSTER: "test",
      INSTANCE: "hub",
      PROBE_PORT: "0",
      PROBE_HOST: "127.0.0.1",
      HUB_HOST: "127.0.0.1",
      HUB_PORT: String(port),
      LOG_LEVEL: "warn",
    });
    process = started;
    await eventually(() => expect(started.messages).toContainEqual(expect.objectContaining({ type: "ready" })), {
      timeoutMs: 30_000,
    });
  };
  await start();
  return {
    uri: `tcp://127.0.0.1:${port}`,
    start,
    stop: async () => process?.kill("SIGTERM"),
    kill: async () => process?.kill("SIGKILL"),
    [Symbol.asyncDispose]: async () => process?.kill("SIGKILL"),
  };
};

const shared = startHubProcess();
afterAll(async () => (await shared)[Symbol.asyncDispose]());

describeBroker("zeromq", {
  driver: "zeromq",
  promises: { durable: false, ordered: true },
  server: () => shared,
  mortalServer: startHubProcess,
});
