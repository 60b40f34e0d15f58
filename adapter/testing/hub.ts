import { fileURLToPath } from "node:url";
import { eventually, freePort, spawnNode, type NodeProcess } from "#testing";

const MAIN = fileURLToPath(new URL("../../hub/main.ts", import.meta.url));

export interface TestHub extends AsyncDisposable {
  uri: string;
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** The hub as a process of its own, to be killed and started again on the same port. */
export const startHub = async (): Promise<TestHub> => {
  const port = await freePort();
  let hub: NodeProcess | undefined;
  const start = async () => {
    const started = spawnNode(MAIN, {
      CLUSTER: "test",
      INSTANCE: "test-hub",
      PROBE_PORT: "0",
      PROBE_HOST: "127.0.0.1",
      HUB_PORT: String(port),
      HUB_HOST: "127.0.0.1",
      LOG_LEVEL: "warn",
    });
    hub = started;
    await eventually(
      () => {
        if (started.messages.length === 0) throw new Error(`the hub is not ready: ${started.lines.join("\n")}`);
      },
      { timeoutMs: 30_000 },
    );
  };
  const kill = async () => hub?.kill("SIGKILL");
  await start();
  return { uri: `tcp://127.0.0.1:${port}`, kill, start, [Symbol.asyncDispose]: kill };
};
