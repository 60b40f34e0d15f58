import { randomBytes, randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { openLink } from "#link";
import { Ring, silentLog } from "#process";
import { eventually } from "#testing";
import type { OpenLog, Place } from "../log/port.ts";
import { startHub, type TestHub } from "../testing/hub.ts";
import { openHubLog } from "./open-log.ts";

const LIMITS = { maxMessages: 5000, maxBytes: 64 << 20 };

describe("a hub that was killed and is back", () => {
  let stack = new AsyncDisposableStack();
  let hub: TestHub;
  let cluster: string;
  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    hub = stack.use(await startHub());
    cluster = `log-${randomBytes(4).toString("hex")}`;
  });
  afterEach(() => stack.disposeAsync());

  const common = () => ({ settings: async () => ({ uri: hub.uri }), node: randomUUID(), log: silentLog() });
  const open = async () => {
    const opened = await openHubLog({ ...common(), cluster, registry: new Registry(), limits: LIMITS });
    return stack.use(opened);
  };
  /** Follows from the oldest, and keeps what it gets. */
  const keeper = async (log: OpenLog, limits = LIMITS) => {
    const ring = new Ring<{ index: number; size: number; bytes: Uint8Array }>();
    const heard: string[] = [];
    const cuts: Place[] = [];
    const following = await log.follow("oldest", {
      entries: (_epoch, entries) => {
        for (const { index, bytes } of entries) {
          heard.push(Buffer.from(bytes).toString());
          ring.push({ index, size: bytes.length, bytes: new Uint8Array(bytes) }, limits);
        }
      },
      cut: (to) => {
        cuts.push(to);
        ring.clear(to.index);
      },
      kept: () => ({ floor: ring.floor, last: ring.last, after: (index) => ring.after(index) }),
    });
    return { heard, cuts, place: following.place };
  };
  const say = (log: OpenLog, text: string) => log.append(Buffer.from(text));
  const restart = async (...logs: OpenLog[]) => {
    await hub.kill();
    await eventually(() => expect(logs.some((it) => it.connected())).toBe(false));
    await hub.start();
  };
  const back = (log: OpenLog) => eventually(() => expect(log.connected()).toBe(true), { timeoutMs: 15_000 });
  /** A line whose words are the test's. */
  const raw = async (former: object | undefined) => {
    const link = stack.use(await openLink({ ...common(), service: "log" }));
    const heard: unknown[] = [];
    link.onMessage((header) => heard.push(header));
    link.send(["open", { cluster, id: randomUUID(), limits: LIMITS, former }]);
    return { link, heard };
  };

  test("under load: nobody is told, what was confirmed is there, all have the same once, and a new one has it too", async () => {
    const [one, two] = [await open(), await open()];
    const [a, b] = [await keeper(one), await keeper(two, { maxMessages: 100, maxBytes: 64 << 20 })];
    const outcomes: Promise<boolean>[] = [];
    const timer = setInterval(() => {
      for (let at = 0; at < 20; at += 1)
        for (const log of [one, two]) {
          const said = say(log, String(outcomes.length));
          outcomes.push(said.then(() => true).catch(() => false));
        }
    }, 2);
    await eventually(() => expect(a.heard.length).toBeGreaterThan(300));
    const { epoch } = a.place();
    await restart(one, two);
    await Promise.all([one, two].map(back));
    const before = a.heard.length;
    await eventually(() => expect(a.heard.length).toBeGreaterThan(before + 300));
    clearInterval(timer);
    const confirmed = (await Promise.all(outcomes)).flatMap((isThere, at) => (isThere ? [String(at)] : []));
    const { index } = await say(one, "end");
    const late = await keeper(await open());
    for (const { heard, place } of [a, b, late]) {
      await eventually(() => expect(heard.at(-1)).toBe("end"));
      expect(place()).toEqual({ epoch, index });
    }
    expect([...a.cuts, ...b.cuts, ...late.cuts]).toEqual([]);
    expect(b.heard).toEqual(a.heard);
    expect(new Set(a.heard).size).toBe(a.heard.length);
    const there = new Set(a.heard);
    expect(confirmed.filter((it) => !there.has(it))).toEqual([]);
    expect(a.heard.slice(-late.heard.length)).toEqual(late.heard);
    expect(late.heard.length).toBeGreaterThan(before);
  });

  test("killed again and again, it goes on", async () => {
    const log = await open();
    const { heard, cuts } = await keeper(log);
    for (const text of ["0", "1", "2"]) {
      await say(log, text);
      await eventually(() => expect(heard.at(-1)).toBe(text));
      await restart(log);
      await back(log);
    }
    expect(heard).toEqual(["0", "1", "2"]);
    expect(cuts).toEqual([]);
  });

  test("nothing is taken before all are back; where one does not come, everyone is told", async () => {
    const [log, other] = [await open(), await open()];
    const { heard, cuts, place } = await keeper(log);
    await say(log, "0");
    await eventually(() => expect(heard).toEqual(["0"]));
    const { epoch } = place();
    await hub.kill();
    await eventually(() => expect(other.connected()).toBe(false));
    await other[Symbol.asyncDispose]();
    await hub.start();
    await expect(say(log, "too early")).rejects.toMatchObject({ code: "delivery_unavailable" });
    await back(log);
    await eventually(() => expect(cuts).toHaveLength(1));
    expect(place().epoch).not.toBe(epoch);
    await say(log, "1");
    await eventually(() => expect(heard).toEqual(["0", "1"]));
  });

  test("a line that left before is not waited for", async () => {
    const [log, other] = [await open(), await open()];
    const { cuts } = await keeper(log);
    await other[Symbol.asyncDispose]();
    await say(log, "0");
    await restart(log);
    await back(log);
    await say(log, "1");
    expect(cuts).toEqual([]);
  });

  test("an entry that was confirmed to somebody, and that nobody has, is told to everyone", async () => {
    const log = await open();
    const { heard, cuts, place } = await keeper(log);
    const { epoch, index: known } = await say(log, "0");
    await eventually(() => expect(heard).toEqual(["0"]));
    await hub.kill();
    await eventually(() => expect(log.connected()).toBe(false));
    await hub.start();
    await raw({ epoch, known: known + 1, members: [] });
    await back(log);
    await eventually(() => expect(cuts).toHaveLength(1));
    expect(place().epoch).not.toBe(epoch);
  });

  test("a line that comes too late with what nobody had: everyone is told then", async () => {
    const log = await open();
    const { heard, cuts, place } = await keeper(log);
    const { epoch, index: known } = await say(log, "0");
    await eventually(() => expect(heard).toEqual(["0"]));
    await restart(log);
    await back(log);
    await say(log, "1");
    expect(cuts).toEqual([]);
    const { heard: late } = await raw({ epoch, known: known + 3, members: [] });
    await eventually(() => expect(cuts).toHaveLength(1));
    expect(place().epoch).not.toBe(epoch);
    await eventually(() => expect(late).toContainEqual(["opened", place().epoch, 0, expect.any(Array)]));
    await say(log, "2");
    await eventually(() => expect(heard).toEqual(["0", "1", "2"]));
  });

  test("a line that hands over and stops in the middle: everyone is told", async () => {
    const log = await open();
    const { cuts, place } = await keeper(log);
    const { epoch, index } = await say(log, "0");
    await eventually(() => expect(place().index).toBe(index));
    await hub.kill();
    await eventually(() => expect(log.connected()).toBe(false));
    await hub.start();
    const { heard } = await raw({ epoch, known: index + 9, tail: { floor: 0, last: index + 9 }, members: [] });
    await eventually(() => expect(heard).toContainEqual(["give", expect.any(Number)]));
    await eventually(() => expect(cuts).toHaveLength(1), { timeoutMs: 15_000 });
    expect(place().epoch).not.toBe(epoch);
  });
});
