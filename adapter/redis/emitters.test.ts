import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Emitter } from "@socket.io/redis-emitter";
import { Redis } from "ioredis";
import { channelRoom } from "#crds";
import { eventually, sharedServer } from "#testing";
import { testCluster, type TestClient, type TestCluster, type TestGateway } from "../testing/cluster.ts";

const run = promisify(execFile);

describe("emitters of socket.io's own kind reach clients", () => {
  const stack = new AsyncDisposableStack();
  let uri: string;
  let cluster: TestCluster;
  let gateway: TestGateway;
  let anna: TestClient;
  let ben: TestClient;
  let redis: Redis;
  beforeAll(async () => {
    ({ uri } = await sharedServer("redis"));
    cluster = stack.use(testCluster("redis", uri));
    let other: TestGateway;
    [gateway, other] = await Promise.all([cluster.gateway(), cluster.gateway()]);
    anna = stack.use(await gateway.client("anna", [channelRoom("lobby"), "a"]));
    ben = stack.use(await other.client("ben", ["b"]));
    redis = stack.adopt(new Redis(uri), (it) => it.disconnect());
  });
  afterAll(() => stack.disposeAsync());

  const settle = async () => {
    // Behind all that was published before it, whichever connection that took.
    await redis.publish("settled", "");
    await gateway.ask("emit", { event: "mark" });
    await eventually(() => {
      for (const { heard } of [anna, ben]) expect(heard).toContainEqual(["mark"]);
    });
    const take = (all: unknown[][]) => all.splice(0).filter(([event]) => event !== "mark");
    return { anna: take(anna.heard), ben: take(ben.heard) };
  };

  test("JavaScript: everyone, a room, several rooms, a socket's own, with binary", async () => {
    const emitter = new Emitter(redis, { key: cluster.name });
    emitter.emit("everyone");
    emitter.to(channelRoom("lobby")).emit("room", { bytes: Buffer.from([1]) });
    emitter
      .to(["a", "b", channelRoom("lobby")])
      .except("nobody")
      .emit("rooms");
    emitter.to(String(ben.socket.id)).emit("socket");
    expect(await settle()).toEqual({
      anna: [["everyone"], ["room", { bytes: Buffer.from([1]) }], ["rooms"]],
      ben: [["everyone"], ["rooms"], ["socket"]],
    });
  });

  test("JavaScript: joins, leaves and disconnects sockets, and what it says to the joined room arrives once they are in", async () => {
    const emitter = new Emitter(redis, { key: cluster.name });
    emitter.in(channelRoom("lobby")).socketsJoin("club");
    await eventually(async () => {
      emitter.to("club").emit("b");
      expect((await settle()).anna).toEqual([["b"]]);
    });
    emitter.in("club").socketsLeave("club");
    emitter.to("club").emit("c");
    expect((await settle()).anna).toEqual([]);
    const guest = await gateway.client("guest", ["guests"]);
    emitter.in("guests").disconnectSockets();
    await eventually(() => expect(guest.socket.connected).toBe(false));
  });

  test("Python, socket.io-emitter of PyPI: everyone, a room, with binary", async () => {
    const directory = await mkdtemp(join(tmpdir(), "realtime-test-python-"));
    try {
      await run("python3", ["-m", "venv", directory]);
      const python = join(directory, "bin", "python");
      const install = (...what: string[]) =>
        run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...what]);
      // Its metadata ask for msgpack by a name that it no longer has.
      await install("--no-deps", "socket.io-emitter==0.1.5.1");
      await install("redis", "msgpack");
      await run(python, [join(import.meta.dirname, "testing/emit.py"), new URL(uri).port, cluster.name]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
    expect(await settle()).toEqual({
      anna: [
        ["to everyone", { n: 1 }],
        ["to a room", { text: "žluťoučký", bytes: Buffer.from([0, 1]) }],
      ],
      ben: [
        ["to everyone", { n: 1 }],
        ["to a room", 2],
      ],
    });
  });
});
