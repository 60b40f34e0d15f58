import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { channelRoom } from "#crds";
import { eventually, sharedServer } from "#testing";
import { testCluster } from "../../adapter/testing/cluster.ts";
import { pip } from "../testing/tool.ts";

const run = promisify(execFile);
const file = join(import.meta.dirname, "publish-mongo.py");

test("a publisher in Python reaches a room over MongoDB; the page on the wire shows it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "realtime-publisher-"));
  try {
    await pip(directory, "pymongo==4.20.1");
    const { uri } = await sharedServer("mongo", import.meta.filename);
    await using cluster = testCluster("mongo", uri);
    const gateway = await cluster.gateway();
    using client = await gateway.client("anna", [channelRoom("lobby")]);
    const env = { ...process.env, PYTHONPATH: directory, CLUSTER: cluster.name, MONGO_URL: uri };
    await run("python3", [file, channelRoom("lobby"), "news", '{"text":"hällo"}'], { env });
    await eventually(() => expect(client.heard).toEqual([["news", { text: "hällo" }]]));
    const page = await readFile(join(import.meta.dirname, "../../docs/wire.md"), "utf8");
    expect(page).toContain(`\`\`\`python\n${await readFile(file, "utf8")}\`\`\``);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
