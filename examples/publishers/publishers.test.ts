import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { channelRoom } from "#crds";
import { silentLog } from "#process";
import { eventually, sharedServer } from "#testing";
import { decodeMessage, roomTopic } from "../../adapter/cluster-message.ts";
import { decodeFrames } from "../../adapter/frames.ts";
import { openRabbitmqBus } from "../../adapter/rabbitmq/bus.ts";
import { testCluster } from "../../adapter/testing/cluster.ts";
import { pip, tool } from "../testing/tool.ts";

const run = promisify(execFile);
const here = (name: string) => join(import.meta.dirname, name);

/** How each language's publisher is made ready, in a directory of its own, and then run. */
const languages = {
  python: {
    file: "publish.py",
    get: (directory: string) => pip(directory, "pika==1.3.2"),
    say: (directory: string, args: string[], env: object) =>
      run("python3", [here("publish.py"), ...args], { env: { ...process.env, ...env, PYTHONPATH: directory } }),
  },
  go: {
    file: "publish.go",
    get: (directory: string) =>
      tool("go", ["build", "-o", join(directory, "publish"), "publish.go"], { cwd: import.meta.dirname }),
    say: (directory: string, args: string[], env: object) =>
      run(join(directory, "publish"), args, { env: { ...process.env, ...env } }),
  },
} as const;

test.each(["python", "go"] as const)(
  "a publisher in %s reaches a room, also where a gateway hears it by its partition; the page on the wire shows it",
  async (name) => {
    const { file, get, say } = languages[name];
    const directory = await mkdtemp(join(tmpdir(), "realtime-publisher-"));
    try {
      const [{ uri }] = await Promise.all([sharedServer("rabbitmq"), get(directory)]);
      await using cluster = testCluster("rabbitmq", uri);
      const gateway = await cluster.gateway();
      using client = await gateway.client("anna", [channelRoom("lobby")]);
      await using folded = await openRabbitmqBus({
        cluster: cluster.name,
        node: "folded",
        settings: async () => ({ uri }),
        log: silentLog(),
        registry: new Registry(),
        limits: { maxRooms: 0, maxPending: 0 },
      });
      const heard: unknown[] = [];
      await folded.subscribe(roomTopic("/", channelRoom("lobby")), (bytes) => {
        const message = decodeMessage(bytes, "/");
        if (message.kind === "broadcast") heard.push(decodeFrames(message.frames));
      });
      const args = [channelRoom("lobby"), "news", '{"text":"hällo"}'];
      await say(directory, args, { CLUSTER: cluster.name, RABBITMQ_URL: uri });
      await eventually(() => expect(client.heard).toEqual([["news", { text: "hällo" }]]));
      await eventually(() => expect(heard).toEqual([["news", { text: "hällo" }]]));
      const code = await readFile(here(file), "utf8");
      expect(await readFile(here("../../docs/wire.md"), "utf8")).toContain(`\`\`\`${name}\n${code}\`\`\``);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
);
