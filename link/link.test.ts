import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { curveKeyPair, Dealer } from "zeromq";
import { silentLog } from "#process";
import { eventually, freePort, spawnNode } from "#testing";
import { encodeControl } from "./frames.ts";
import { lineKeys } from "./keys.ts";
import { openLink, serveHub, type HubOptions, type LinkOptions } from "./index.ts";

const HUB = new URL("../hub/main.ts", import.meta.url).pathname;
const WIDE = { timeoutMs: 30_000 };

/** A hub in this process with one service that echoes and remembers who comes and goes. */
const aHub = async (over: Partial<HubOptions> = {}) => {
  const registry = new Registry();
  const seen: string[] = [];
  const peers: string[] = [];
  const hub = await serveHub({
    host: "127.0.0.1",
    port: 0,
    log: silentLog(),
    registry,
    services: {
      echo: (socket) => ({
        onHello: (peer, node) => {
          seen.push(`hello ${node}`);
          peers.push(peer);
        },
        onGone: (peer) => seen.push(`gone ${peer.split("#")[0]}`),
        onMessage: (peer, header, body) => {
          if (header === "throw") throw new Error("a bad service");
          socket.send(peer, header, body);
        },
      }),
    },
    ...over,
  });
  const dropped = async (reason: string) => {
    const metric = await registry.getSingleMetric("realtime_hub_dropped_total")?.get();
    return metric?.values.find(({ labels }) => labels["reason"] === reason)?.value ?? 0;
  };
  const refused = async (reason: string) => {
    const metric = await registry.getSingleMetric("realtime_hub_refused_total")?.get();
    return metric?.values.find(({ labels }) => labels["reason"] === reason)?.value ?? 0;
  };
  return {
    hub,
    uri: `tcp://127.0.0.1:${hub.port}`,
    seen,
    peers,
    dropped,
    refused,
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose](),
  };
};

const open = (uri: string, over: Partial<LinkOptions> = {}) =>
  openLink({ service: "echo", node: "node", settings: () => Promise.resolve({ uri }), log: silentLog(), ...over });

const rawLine = async (uri: string, service = "echo") => {
  const dealer = new Dealer({ linger: 0 });
  dealer.connect(uri);
  await dealer.send(encodeControl(["hello", { v: 1, service, node: "raw", line: "raw" }]));
  return dealer;
};

describe("a line", () => {
  test("carries messages in order, there and back, with bodies of any size", async () => {
    await using it = await aHub();
    await using link = await open(it.uri);
    const got: [unknown, number][] = [];
    link.onMessage((header, body) => got.push([header, body.length]));
    const sent = Array.from({ length: 500 }, (_, index): [unknown, number] => [
      [index],
      index === 250 ? 3_000_000 : index,
    ]);
    for (const [header, length] of sent) expect(link.send(header, Buffer.alloc(length))).toBe(true);
    await eventually(() => expect(got).toHaveLength(500));
    expect(got).toEqual(sent);
    expect(link.epoch()).toBe(it.hub.epoch);
  });

  test("is refused nothing by a burst larger than the window", async () => {
    await using it = await aHub();
    await using link = await open(it.uri);
    let bytes = 0;
    link.onMessage((_header, body) => (bytes += body.length));
    for (let index = 0; index < 400; index++) link.send(index, Buffer.alloc(100_000));
    await eventually(() => expect(bytes).toBe(40_000_000), WIDE);
  });

  test("says goodbye after what was sent before", async () => {
    await using it = await aHub();
    {
      await using link = await open(it.uri);
      await eventually(() => expect(it.seen).toEqual(["hello node"]));
      link.send("last");
    }
    await eventually(() => expect(it.seen).toEqual(["hello node", "gone node"]));
  });

  test("is closed without a warning, and lost with one", async () => {
    const warnings: unknown[] = [];
    const log = Object.assign(silentLog(), { warn: ({ why }: { why: unknown }) => void warnings.push(why) });
    const hub = await aHub();
    await (await open(hub.uri, { log }))[Symbol.asyncDispose]();
    expect(warnings).toEqual([]);
    await using _ = await open(hub.uri, { log });
    await hub[Symbol.asyncDispose]();
    await eventually(() => expect(warnings).not.toEqual([]));
  });

  test("is gone at the hub soon after its process is, without a goodbye", async () => {
    await using it = await aHub();
    const dealer = await rawLine(it.uri);
    await eventually(() => expect(it.seen).toEqual(["hello raw"]));
    dealer.close();
    await eventually(() => expect(it.seen).toEqual(["hello raw", "gone raw"]));
  });

  test("comes back by itself when the hub was killed, and tells that it is another one", async () => {
    const env = {
      CLUSTER: "test",
      INSTANCE: "hub",
      PROBE_PORT: "0",
      HUB_HOST: "127.0.0.1",
      HUB_PORT: String(await freePort()),
    };
    const ready = async (hub: ReturnType<typeof spawnNode>) => {
      await eventually(() => expect(hub.messages).toHaveLength(1), WIDE);
      return hub;
    };
    let drops = 0;
    const heard: string[] = [];
    const first = await ready(spawnNode(HUB, env));
    await using link = await open(`tcp://127.0.0.1:${env.HUB_PORT}`, {
      service: "bus",
      onDropped: (count) => (drops += count),
    });
    const epoch = link.epoch();
    link.onDown(() => heard.push("down"));
    link.onUp(({ fresh }) => heard.push(`up ${fresh}`));
    await first.kill("SIGKILL");
    await eventually(() => expect(heard).toEqual(["down"]));
    expect([link.connected(), link.send("lost"), drops]).toEqual([false, false, 1]);
    await using second = await ready(spawnNode(HUB, env));
    await eventually(() => expect(heard).toEqual(["down", "up true"]), WIDE);
    expect(second.child.exitCode).toBeNull();
    expect(link.epoch()).not.toBe(epoch);
    expect(link.send(["unsubscribe", "x"])).toBe(true);
  });

  const KEY = "a".repeat(43);
  const OTHER = "b".repeat(43);
  const timing = { open: 1500, hello: 400 };

  test("with the hub's key carries messages", async () => {
    await using it = await aHub({ key: KEY });
    await using link = await open(it.uri, { settings: () => Promise.resolve({ uri: it.uri, key: KEY }) });
    const got: unknown[] = [];
    link.onMessage((header) => got.push(header));
    link.send("secret");
    await eventually(() => expect(got).toEqual(["secret"]));
  });

  test.each([
    ["another key than the hub's", KEY, OTHER, /may have another key/],
    ["no key, where the hub has one,", KEY, undefined, /may ask for a key/],
    ["a key, where the hub has none,", undefined, KEY, /may have another key, or none/],
    ["a key that is too short", KEY, "short", /shorter than 32/],
  ])("with %s is not opened, and says so", async (_sentence, hubKey, key, why) => {
    await using it = await aHub({ key: hubKey });
    await expect(open("", { settings: () => Promise.resolve({ uri: it.uri, key }), timing })).rejects.toThrow(why);
    expect(it.seen).toEqual([]);
  });

  test("of a stranger, who knows the hub's public key but not the cluster's secret, is refused and counted", async () => {
    await using it = await aHub({ key: KEY });
    const { publicKey, secretKey } = curveKeyPair();
    const stranger = new Dealer({
      linger: 0,
      curveServerKey: lineKeys(KEY).server.publicKey,
      curvePublicKey: publicKey,
      curveSecretKey: secretKey,
    });
    stranger.connect(it.uri);
    await stranger.send(encodeControl(["hello", { v: 1, service: "echo", node: "stranger", line: "x" }]));
    await eventually(async () => expect(await it.refused("key")).toBeGreaterThan(0));
    stranger.close();
    expect(it.seen).toEqual([]);
  });

  test("finds a key that was changed at its next connect", async () => {
    const port = await freePort();
    let key = KEY;
    const uri = `tcp://127.0.0.1:${port}`;
    const first = await aHub({ port, key });
    await using link = await open("", { settings: () => Promise.resolve({ uri, key }) });
    await first[Symbol.asyncDispose]();
    key = OTHER;
    await using second = await aHub({ port, key });
    await eventually(() => expect(second.seen).toEqual(["hello node"]), WIDE);
    await eventually(() => expect(link.connected()).toBe(true));
  });

  test("finds a hub that moved: settings are read again", async () => {
    const first = await aHub();
    let { uri } = first;
    await using link = await open("", { settings: () => Promise.resolve({ uri }) });
    await using second = await aHub();
    ({ uri } = second);
    await first[Symbol.asyncDispose]();
    await eventually(() => expect(second.seen).toEqual(["hello node"]), WIDE);
    await eventually(() => expect(link.connected()).toBe(true));
  });

  test("is not opened where nobody answers, and says why", async () => {
    const uri = `tcp://127.0.0.1:${await freePort()}`;
    const timing = { open: 300, hello: 100 };
    await expect(open(uri, { timing })).rejects.toThrow("the hub did not answer within 300 ms");
    await expect(open("redis://x", { timing })).rejects.toMatchObject({
      cause: expect.objectContaining({ message: expect.stringContaining("tcp://host:port") }),
    });
  });
});

describe("the hub's socket", () => {
  test("a peer that does not read loses what its buffer cannot hold; others go on", async () => {
    await using it = await aHub({ maxBytes: 1_000_000, windowBytes: 100_000 });
    const slow = await rawLine(it.uri);
    await using link = await open(it.uri);
    const got: unknown[] = [];
    link.onMessage((header) => got.push(header));
    await eventually(() => expect(it.peers).toHaveLength(2));
    const [slowPeer = ""] = it.peers.filter((peer) => peer.startsWith("raw"));
    let refused = 0;
    for (let index = 0; index < 100; index++) if (!it.hub.send(slowPeer, index, Buffer.alloc(50_000))) refused += 1;
    expect(refused).toBeGreaterThan(50);
    expect(await it.dropped("slow")).toBe(refused);
    link.send("hello");
    await eventually(() => expect(got).toEqual(["hello"]));
    slow.close();
  });

  test("foreign bytes, unknown services and services that throw are counted, and it goes on", async () => {
    await using it = await aHub();
    const tcp = connect(it.hub.port, "127.0.0.1");
    tcp.on("error", () => {});
    await once(tcp, "connect");
    tcp.write("GET / HTTP/1.1\r\n\r\n".repeat(10));
    const junk = await rawLine(it.uri, "nobody");
    await junk.send(["", "{}", Buffer.from([0, 255])]);
    await junk.send("not json");
    await junk.send('["m",0,0,"from nowhere"]');
    await eventually(async () =>
      expect(await Promise.all(["foreign", "unknown_service", "unknown_line"].map(it.dropped))).toEqual([2, 1, 1]),
    );
    await using link = await open(it.uri);
    const got: unknown[] = [];
    link.onMessage((header) => got.push(header));
    link.send("throw");
    link.send("after");
    await eventually(() => expect(got).toEqual(["after"]));
    expect(await it.dropped("threw")).toBe(1);
    junk.close();
    tcp.destroy();
  });
});
