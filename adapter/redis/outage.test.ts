import { execFileSync } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { eventually, startRedisProcess } from "#testing";
import { testCluster, type TestGateway } from "../testing/cluster.ts";

/** How long Redis stays away: ADAPTER_AWAY_SECONDS, or 5 s. */
const AWAY_MS = Number(process.env["ADAPTER_AWAY_SECONDS"] ?? 5) * 1000;
const ROOMS = Array.from({ length: 3000 }, (_, index) => `room ${index}`);

const megabytes = ({ process }: TestGateway): number =>
  Number(execFileSync("ps", ["-o", "rss=", "-p", String(process.pid)], { encoding: "utf8" })) / 1024;

const counted = async ({ ask }: TestGateway): Promise<number> =>
  [...String(await ask("metrics")).matchAll(/^realtime_bus_dropped_total\{.*\} (\d+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );

describe("Redis away under load", () => {
  test("nobody ends, nothing grows, all that is dropped is counted, and at its return rooms are subscribed in batches", async () => {
    await using server = await startRedisProcess();
    await using cluster = testCluster("redis", `redis://127.0.0.1:${server.port}`);
    const [one, two] = await Promise.all([cluster.gateway(), cluster.gateway()]);
    using ben = await two.client("ben", ROOMS);
    await one.ask("emit", { rooms: [ROOMS.at(-1)], event: "before" });
    await eventually(() => expect(ben.heard).toEqual([["before"]]));
    await one.ask("interleave", { rooms: ["nobody"], event: "n", count: 10_000 });
    const before = megabytes(one);
    const dropped = await counted(one);

    await server.kill();
    await eventually(async () => expect(await one.ask("connected")).toBe(false));
    const since = await counted(one);
    let said = 0;
    for (const end = performance.now() + AWAY_MS; performance.now() < end; said += 4000) {
      await one.ask("interleave", { rooms: ["nobody", "none"], event: "n", count: 2000 });
      await one.ask("join", { rooms: ["nobody"], joined: "club" });
      await wait(50);
    }
    expect(since).toBeGreaterThanOrEqual(dropped);
    expect(await counted(one)).toBeGreaterThanOrEqual(since + said);
    expect(megabytes(one)).toBeLessThan(before + 150);

    await server.start();
    await eventually(
      async () => {
        await one.ask("emit", { rooms: [ROOMS.at(-1)], event: "after" });
        await eventually(() => expect(ben.heard).toContainEqual(["after"]), { timeoutMs: 500 });
      },
      { timeoutMs: 15_000 },
    );
    const [, subscribes] =
      /cmdstat_subscribe:calls=(\d+)/.exec(String(await server.call("INFO", "commandstats"))) ?? [];
    expect(Number(subscribes)).toBeLessThan(20);
    expect(one.process.child.exitCode).toBeNull();
    expect(two.process.child.exitCode).toBeNull();
  });
});
