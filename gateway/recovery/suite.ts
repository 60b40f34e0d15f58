import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { Server } from "socket.io";
import { channelRoom, userRoom } from "#crds";
import { eventually } from "#testing";
import {
  recoveryCluster,
  rove,
  tokenOf,
  withoutPlace,
  type Auth,
  type RecoveringGateway,
  type RecoveryDriver,
  type RecoveryOptions,
  type RovingClient,
} from "../testing/recovery-cluster.ts";
import type { MortalServer } from "../../adapter/testing/drivers.ts";
import { away, numbersOf, say, subscribe, until } from "../testing/roving.ts";
import tracedApp from "../testing/traced-app.ts";

const APP = fileURLToPath(new URL("../testing/traced-app.ts", import.meta.url));
const AUTH = { jwt: { secretRef: { name: "users", key: "secret" } } };

const namesOf = (heard: readonly unknown[][]): unknown[] => heard.map(([event]) => event);

/** What whoever comes back must get, over every driver that has a log; `each`: a test gets a server of its own. */
export const recoverySuite = (
  driver: RecoveryDriver,
  start: () => Promise<MortalServer>,
  { each = false }: { each?: boolean } = {},
) => {
  const [before, after] = each ? [beforeEach, afterEach] : [beforeAll, afterAll];
  describe(`clients that come back, over ${driver}`, () => {
    let server: MortalServer;
    let stack = new AsyncDisposableStack();
    before(async () => {
      server = await start();
    });
    afterEach(async () => {
      await stack.disposeAsync();
      stack = new AsyncDisposableStack();
    });
    after(async () => {
      await server[Symbol.asyncDispose]();
    });

    const gateways = async (count: number, options: RecoveryOptions = {}): Promise<RecoveringGateway[]> => {
      const cluster = stack.use(recoveryCluster(driver, server.uri, options));
      return Promise.all(Array.from({ length: count }, () => cluster.gateway()));
    };
    const two = async (options: RecoveryOptions = {}): Promise<[RecoveringGateway, RecoveringGateway]> => {
      const [one, other] = await gateways(2, options);
      if (one === undefined || other === undefined) throw new Error("unreachable");
      return [one, other];
    };
    const client = async (gateway: RecoveringGateway, auth: Auth = {}): Promise<RovingClient> =>
      stack.use(await rove(gateway.port, auth));

    test("what was missed comes once, in order, before what comes; rooms, id and data are as they were", async () => {
      const [one, other] = await two();
      const anna = await client(one);
      await subscribe(anna, "lobby");
      await say(one, "lobby", 1);
      await until(anna, "n", 1);
      const { id } = anna.socket;
      await away(anna, other, async () => {
        await say(one, "lobby", 2);
        await say(other, "lobby", 3);
        await say(one, "elsewhere", "not for her");
      });
      expect(anna.socket.recovered).toBe(true);
      expect(anna.socket.id).toBe(id);
      await say(one, "lobby", 4);
      await until(anna, "n", 4);
      expect(numbersOf(anna.heard)).toEqual([1, 2, 3, 4]);
      expect(await other.ask("rooms", { joined: id })).toEqual(
        expect.arrayContaining([id, channelRoom("lobby"), expect.stringMatching(/^u:anon-/)]),
      );
    });

    test("also when its gateway was killed, with the room joined just before", async () => {
      const [one, other] = await two();
      const anna = await client(one);
      await subscribe(anna, "lobby");
      Reflect.set(anna.socket.io, "uri", `http://127.0.0.1:${other.port}`);
      await one.process.kill("SIGKILL");
      await say(other, "lobby", 1);
      await eventually(() => expect(anna.connects()).toBe(2));
      expect(anna.socket.recovered).toBe(true);
      await say(other, "lobby", 2);
      await until(anna, "n", 2);
      expect(numbersOf(anna.heard)).toEqual([1, 2]);
    });

    test("of a room joined late nothing from before comes", async () => {
      const [one, other] = await two();
      const anna = await client(one);
      await subscribe(anna, "early");
      await say(one, "early", 1);
      await until(anna, "n", 1);
      await say(one, "late", "before she was there");
      await subscribe(anna, "late");
      await away(anna, other, () => say(one, "late", 2));
      expect(anna.socket.recovered).toBe(true);
      await until(anna, "n", 2);
      expect(numbersOf(anna.heard)).toEqual([1, 2]);
    });

    test("whoever is taken out of a room, or put into one, while away, is out or in from then on", async () => {
      const [one, other] = await two({ gateway: { auth: AUTH } });
      const anna = await client(one, { token: await tokenOf("anna") });
      await subscribe(anna, "lobby");
      await away(anna, other, async () => {
        await say(one, "lobby", 1);
        await one.ask("leave", { user: "anna", joined: "lobby" });
        await say(one, "lobby", "not any more");
        await say(other, "club", "not yet");
        await other.ask("join", { user: "anna", joined: "club" });
        await say(other, "club", 2);
      });
      expect(anna.socket.recovered).toBe(true);
      await say(one, "lobby", "not now either");
      await say(one, "club", 3);
      await until(anna, "n", 3);
      expect(numbersOf(anna.heard)).toEqual([1, 2, 3]);
    });

    test("also where the gateway that it left has said since that all its sessions are kept", async () => {
      const [one, other] = await two({ gateway: { auth: AUTH }, maxMessages: 100 });
      const anna = await client(one, { token: await tokenOf("anna") });
      const ben = await client(one, { token: await tokenOf("ben") });
      await subscribe(ben, "busy");
      await away(anna, other, async () => {
        await other.ask("join", { user: "anna", joined: "club" });
        await say(other, "club", 1);
        for (let index = 0; index < 40; index += 1) await say(other, "busy", index);
        await until(ben, "n", 39);
        await new Promise((resolve) => setTimeout(resolve, 1500));
      });
      expect(anna.socket.recovered).toBe(true);
      await say(other, "club", 2);
      await until(anna, "n", 2);
      expect(numbersOf(anna.heard)).toEqual([1, 2]);
    });

    test("whoever is thrown out while away is told that it is lost, and gets nothing of it", async () => {
      const [one, other] = await two({ gateway: { auth: AUTH } });
      const anna = await client(one, { token: await tokenOf("anna") });
      await subscribe(anna, "lobby");
      await away(anna, other, async () => {
        await one.ask("disconnect", { user: "anna" });
        await say(one, "lobby", "never");
      });
      expect(anna.socket.recovered).toBe(false);
      await until(anna, "recovery:lost", { since: expect.any(Number) });
      await other.ask("emit", { rooms: [userRoom("anna")], event: "n", args: ["end"] });
      await until(anna, "n", "end");
      expect(numbersOf(anna.heard)).toEqual(["end"]);
    });

    test("cut before the first event, and again: what came from the first connect on is there", async () => {
      const [one, other] = await two({ gateway: { auth: AUTH } });
      const anna = await client(one, { token: await tokenOf("anna", { channels: { join: ["lobby"] } }) });
      expect(anna.offset()).toBeUndefined();
      await away(anna, other, async () => {});
      expect(anna.socket.recovered).toBe(true);
      expect(anna.offset()).toBeUndefined();
      await away(anna, one, () => say(one, "lobby", 1));
      expect(anna.socket.recovered).toBe(true);
      await until(anna, "n", 1);
      expect(numbersOf(anna.heard)).toEqual([1]);
    });

    test("an offset that is none of ours is replaced by the place that the session keeps", async () => {
      const [one, other] = await two({ gateway: { auth: AUTH } });
      const anna = await client(one, { token: await tokenOf("anna", { channels: { join: ["lobby"] } }) });
      Reflect.set(anna.socket, "_lastOffset", "the last word of some event");
      await away(anna, other, () => say(one, "lobby", 1));
      expect(anna.socket.recovered).toBe(true);
      await until(anna, "n", 1);
    });

    test("a volatile or direct event whose last argument is a string spoils nothing, and carries the place", async () => {
      const [one, other] = await two();
      const anna = await client(one);
      await subscribe(anna, "lobby");
      await say(one, "lobby", 1);
      // Only who is ready to receive gets it.
      await eventually(async () => {
        await one.ask("volatile", { rooms: [channelRoom("lobby")], event: "volatile", args: ["text"] });
        await eventually(() => expect(anna.heard).toContainEqual(["volatile", "text"]), { timeoutMs: 500 });
      });
      await one.ask("tell", { event: "direct", args: ["text"] });
      await until(anna, "direct", "text");
      await away(anna, other, () => say(one, "lobby", 2));
      expect(anna.socket.recovered).toBe(true);
      await until(anna, "n", 2);
      expect(numbersOf(anna.heard)).toEqual([1, 2]);
    });

    test("a stolen secret is worth nothing with a bad token, nor with another user's; its owner still comes back", async () => {
      const [one, other] = await two({ gateway: { auth: AUTH } });
      const anna = await client(one, { token: await tokenOf("anna", { channels: { join: ["lobby"] } }) });
      const pid: unknown = Reflect.get(anna.socket, "_pid");
      await away(anna, other, async () => {
        await say(one, "lobby", 1);
        await expect(rove(other.port, { pid, token: "bad" })).rejects.toMatchObject({ data: { code: "unauthorized" } });
        await expect(rove(other.port, { pid })).rejects.toMatchObject({ data: { code: "unauthorized" } });
        using thief = await rove(other.port, { pid, token: await tokenOf("thief") });
        await until(thief, "recovery:lost", { since: null });
        expect(numbersOf(thief.heard)).toEqual([]);
        expect(Reflect.get(thief.socket, "_pid")).not.toBe(pid);
      });
      expect(anna.socket.recovered).toBe(true);
      await until(anna, "n", 1);
    });

    test("a user whose tokens are revoked while he is away has no session any more", async () => {
      const [one, other] = await two({ gateway: { auth: AUTH } });
      let token = await tokenOf("anna", { channels: { join: ["lobby"] } });
      const anna = await client(one, (give) => give({ token }));
      await away(anna, other, async () => {
        await one.ask("revoke", { user: "anna" });
        await say(one, "lobby", "never");
        token = await tokenOf("anna", { iat: Math.floor(Date.now() / 1000) + 2 });
      });
      expect(anna.socket.recovered).toBe(false);
      await until(anna, "recovery:lost", { since: expect.any(Number) });
      expect(numbersOf(anna.heard)).toEqual([]);
    });

    test("with a token that reads less, nothing comes of what it may not read", async () => {
      const [one, other] = await two({ gateway: { auth: AUTH } });
      let token = await tokenOf("anna");
      const anna = await client(one, (give) => give({ token }));
      await subscribe(anna, "secret");
      await subscribe(anna, "open");
      await eventually(async () => expect(await one.ask("metrics")).toMatch(/realtime_log_appended_total/));
      await away(anna, other, async () => {
        await say(one, "secret", "not for her any more");
        await say(one, "open", 1);
        token = await tokenOf("anna", { channels: { read: ["open"] } });
      });
      expect(anna.socket.recovered).toBe(true);
      await say(one, "secret", "nor this");
      await say(one, "open", 2);
      await until(anna, "n", 2);
      expect(numbersOf(anna.heard)).toEqual([1, 2]);
    });

    test("too late, it is told", async () => {
      const [one, other] = await two({ windowSeconds: 1 });
      const anna = await client(one);
      await subscribe(anna, "lobby");
      const left = Date.now();
      await away(anna, other, () => eventually(() => expect(Date.now() - left).toBeGreaterThan(2000)));
      expect(anna.socket.recovered).toBe(false);
      await until(anna, "recovery:lost", { since: null });
    });

    test("cut after it heard nothing for longer than the log reaches back, it is recovered: only what came since it was cut is needed", async () => {
      const [one, other] = await two({ maxMessages: 50 });
      const anna = await client(one);
      await subscribe(anna, "lobby");
      await say(one, "lobby", 1);
      await until(anna, "n", 1);
      for (let index = 0; index < 120; index += 1) await say(one, "elsewhere", index);
      await away(anna, other, () => say(one, "lobby", 2));
      expect(anna.socket.recovered).toBe(true);
      await until(anna, "n", 2);
      expect(numbersOf(anna.heard)).toEqual([1, 2]);
    });

    test("where the log was cut off behind its place, it is told since when", async () => {
      const [one, other] = await two({ maxMessages: 50 });
      const anna = await client(one);
      await subscribe(anna, "lobby");
      const cut = Date.now();
      await away(anna, other, async () => {
        for (let index = 0; index < 120; index += 1) await say(one, "lobby", index);
      });
      expect(anna.socket.recovered).toBe(false);
      await until(anna, "recovery:lost", { since: expect.any(Number) });
      const [, told] = anna.heard.find(([event]) => event === "recovery:lost") ?? [];
      expect(Math.abs(Number(Reflect.get(Object(told), "since")) - cut)).toBeLessThan(5000);
      await subscribe(anna, "lobby");
      await say(one, "lobby", "live");
      await until(anna, "n", "live");
      expect(numbersOf(anna.heard)).toEqual(["live"]);
    });

    test("a client that declines gets plain events and no secret", async () => {
      const [one] = await gateways(1);
      if (one === undefined) throw new Error("unreachable");
      using plain = await rove(one.port, {}, { query: { recovery: "0" } });
      const raw: unknown[][] = [];
      plain.socket.onAny((...event: unknown[]) => raw.push(event));
      await subscribe(plain, "lobby");
      await say(one, "lobby", 1);
      await eventually(() => expect(raw).toContainEqual(["n", 1]));
      expect(Reflect.get(plain.socket, "_pid")).toBeUndefined();
    });

    test("while the server is away, what is published is refused; when it is back, all goes on or the loss is told", async () => {
      await using own = await start();
      const cluster = stack.use(recoveryCluster(driver, own.uri));
      const [one, other] = await Promise.all([cluster.gateway(), cluster.gateway()]);
      const anna = await client(one);
      await subscribe(anna, "lobby");
      await say(other, "lobby", 1);
      await until(anna, "n", 1);
      await own.kill();
      await eventually(async () =>
        expect(await anna.socket.timeout(8000).emitWithAck("publish", { channel: "lobby", event: "x" })).toMatchObject({
          ok: false,
          error: { code: "delivery_unavailable" },
        }),
      );
      await own.start();
      await eventually(async () => {
        await say(other, "lobby", "back");
        await eventually(() => expect(anna.heard).toContainEqual(["n", "back"]), { timeoutMs: 300 });
      });
      // A hub that was empty got its log from the gateways.
      if (driver === "zeromq") expect(namesOf(anna.heard)).not.toContain("recovery:lost");
      await eventually(async () => {
        await away(anna, other, () => say(one, "lobby", "missed"));
        expect(anna.socket.recovered).toBe(true);
      });
      await until(anna, "n", "missed");
    }, 90_000);

    test("presence is right soon after a gateway's death, and when its client is back", async () => {
      const cluster = stack.use(recoveryCluster(driver, server.uri, { gateway: { auth: AUTH } }));
      const [one, other] = await Promise.all([0, 1].map(() => cluster.gateway({ SILENT_MS: "1500" })));
      if (one === undefined || other === undefined) throw new Error("unreachable");
      const anna = await client(one, { token: await tokenOf("anna", { channels: { join: ["lobby"], read: ["*"] } }) });
      const ben = await client(other, { token: await tokenOf("ben") });
      Reflect.set(anna.socket.io, "uri", `http://127.0.0.1:${other.port}`);
      await one.process.kill("SIGKILL");
      await eventually(() => expect(anna.connects()).toBe(2));
      expect(anna.socket.recovered).toBe(true);
      const present = () => ben.socket.timeout(5000).emitWithAck("presence", { channel: "lobby" });
      expect(await present()).toMatchObject({ users: ["anna"] });
      anna.socket.disconnect();
      await eventually(async () => expect(await present()).toMatchObject({ users: [] }), { timeoutMs: 15_000 });
    });

    describe("an app of one's own", () => {
      test("what its handlers emit, answer, join and leave reaches clients as plain socket.io's", async () => {
        const http = createServer();
        const plain = new Server(http);
        tracedApp(plain);
        http.listen(0, "127.0.0.1");
        await once(http, "listening");
        const { port } = http.address() as AddressInfo;
        const [one] = await gateways(1, { gateway: { app: APP } });
        if (one === undefined) throw new Error("unreachable");
        const trace = async (to: number) => {
          using anna = await rove(to);
          using ben = await rove(to);
          await ben.socket.emitWithAck("join", "r");
          const heard: unknown[][] = [];
          anna.socket.onAny((...event: unknown[]) => heard.push(withoutPlace(event)));
          for (let round = 0; round < 20; round += 1)
            anna.socket.emit("go", (isIn: boolean) => heard.push(["(ack)", isIn]));
          await eventually(() => expect(namesOf(heard).filter((it) => it === "last")).toHaveLength(20));
          expect(await anna.socket.emitWithAck("rooms")).toEqual([]);
          const gone = new Promise<unknown>((resolve) => void anna.socket.once("disconnect", resolve));
          anna.socket.emit("throw me out");
          expect(await gone).toBe("io server disconnect");
          await eventually(() => expect(namesOf(ben.heard).filter((it) => it === "to all others")).toHaveLength(20));
          return { anna: heard, ben: ben.heard.slice(1) };
        };
        const expected = await trace(port);
        expect(expected.anna).toHaveLength(20 * 8 + 1);
        expect(await trace(one.port)).toEqual(expected);
        await plain.close();
      });

      test("its rooms and data are there again, and a slow middleware between loses and doubles nothing", async () => {
        const [one, other] = await two({ gateway: { app: APP } });
        const anna = await client(one, { slowAgain: 400 });
        await anna.socket.emitWithAck("join", "r");
        anna.socket.emit("remember", { list: [1, "two"] });
        await one.ask("emit", { rooms: ["r"], event: "n", args: [0] });
        await until(anna, "n", 0);
        const speaking = new AbortController();
        let sent = 0;
        const speak = async () => {
          while (!speaking.signal.aborted) {
            sent += 1;
            await one.ask("emit", { rooms: ["r"], event: "n", args: [sent] });
          }
        };
        const spoken = speak();
        await away(anna, other, async () => {});
        speaking.abort();
        await spoken;
        expect(anna.socket.recovered).toBe(true);
        await until(anna, "n", sent);
        expect(numbersOf(anna.heard)).toEqual(Array.from({ length: sent + 1 }, (_, index) => index));
        expect(await anna.socket.emitWithAck("rooms")).toEqual(["r"]);
        expect(await anna.socket.emitWithAck("recall")).toEqual({ list: [1, "two"] });
      });

      test("cut while a slow middleware runs, it comes back all the same", async () => {
        const [one, other] = await two({ gateway: { app: APP } });
        const anna = await client(one, { slowAgain: 300 });
        await anna.socket.emitWithAck("join", "r");
        await one.ask("emit", { rooms: ["r"], event: "n", args: [1] });
        await until(anna, "n", 1);
        anna.cut(other.port);
        const { engine } = anna.socket.io;
        await eventually(() => expect(anna.socket.io.engine).not.toBe(engine));
        await eventually(() => expect(Reflect.get(anna.socket.io.engine, "readyState")).toBe("open"));
        await other.ask("emit", { rooms: ["r"], event: "n", args: [2] });
        anna.cut(one.port);
        await eventually(() => expect(anna.connects()).toBe(2));
        expect(anna.socket.recovered).toBe(true);
        await until(anna, "n", 2);
        expect(numbersOf(anna.heard)).toEqual([1, 2]);
      });
    });
  });
};
