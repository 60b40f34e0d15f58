import { expect, test } from "@jest/globals";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { dnsPeers, filePeers } from "./peers.ts";

test("peers are the links of the file, again when it changes, and at once where that is asked for", async () => {
  const directory = await mkdtemp(join(tmpdir(), "peers-"));
  const file = join(directory, "peers.json");
  const write = async (links: string[]) => {
    await writeFile(`${file}.new`, JSON.stringify({ gateways: [], links }));
    await rename(`${file}.new`, file);
  };
  const seen: (readonly string[])[] = [];
  try {
    await write(["127.0.0.1:2", "127.0.0.1:1"]);
    using peers = await filePeers(file, { log: silentLog(), everyMs: 10 });
    expect(peers.current()).toEqual(["127.0.0.1:1", "127.0.0.1:2"]);
    peers.onChange((now) => seen.push(now));
    await write([]);
    await eventually(() => expect(seen).toEqual([[]]));
    await writeFile(file, "{");
    await peers.refresh();
    expect(peers.current()).toEqual([]);
    using asked = await write(["127.0.0.1:3"]).then(() => filePeers(file, { log: silentLog(), everyMs: 600_000 }));
    await write(["127.0.0.1:4"]);
    await asked.refresh();
    expect(asked.current()).toEqual(["127.0.0.1:4"]);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("peers of a name are all its addresses; while DNS does not answer, the last ones stay", async () => {
  let answer: { address: string; family: number }[] | undefined;
  const resolve = async () => answer ?? Promise.reject(new Error("ENOTFOUND"));
  using peers = dnsPeers("chat-gateway-peers", 3005, { log: silentLog(), everyMs: 600_000, resolve });
  const lookUp = async () => {
    await peers.refresh();
    return peers.current();
  };
  expect(await lookUp()).toEqual([]);
  answer = [
    { address: "fd00::1", family: 6 },
    { address: "10.0.0.1", family: 4 },
  ];
  expect(await lookUp()).toEqual(["10.0.0.1:3005", "[fd00::1]:3005"]);
  answer = undefined;
  expect(await lookUp()).toHaveLength(2);
});

test("a name is looked up as the system does it", async () => {
  using peers = dnsPeers("localhost", 1, { log: silentLog() });
  await peers.refresh();
  expect(peers.current()).toContain("127.0.0.1:1");
});
