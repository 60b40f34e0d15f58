import { expect, test } from "@jest/globals";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { filePeers } from "./peers.ts";
import type { Peer } from "./port.ts";

test("peers are those of the file, and again when it changes", async () => {
  const directory = await mkdtemp(join(tmpdir(), "peers-"));
  const file = join(directory, "peers.json");
  const write = async (gateways: Peer[]) => {
    await writeFile(`${file}.new`, JSON.stringify({ gateways }));
    await rename(`${file}.new`, file);
  };
  const peer: Peer = { instance: "chat-gateway-0", clients: "127.0.0.1:1", control: "127.0.0.1:2" };
  const seen: (readonly Peer[])[] = [];
  try {
    await write([peer]);
    using peers = await filePeers(file, { log: silentLog(), everyMs: 10 });
    expect(peers.current()).toEqual([peer]);
    peers.onChange((now) => seen.push(now));
    await write([]);
    await eventually(() => expect(seen).toEqual([[]]));
    await writeFile(file, "{");
    expect(peers.current()).toEqual([]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
