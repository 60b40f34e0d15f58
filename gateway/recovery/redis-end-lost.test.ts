import { expect, test } from "@jest/globals";
import { eventually, startRedisProcess } from "#testing";
import { recoveryCluster, rove } from "../testing/recovery-cluster.ts";
import { away, numbersOf, say, subscribe, until } from "../testing/roving.ts";

const PATIENCE = { timeoutMs: 20_000 };

test("Redis comes back without the end of the log, as after a failover: all are told, also who comes back", async () => {
  await using redis = await startRedisProcess();
  await using cluster = recoveryCluster("redis", `redis://127.0.0.1:${redis.port}`);
  const [one, other] = await Promise.all([cluster.gateway(), cluster.gateway()]);
  using anna = await rove(one.port);
  using ben = await rove(other.port);
  using carl = await rove(one.port);
  const everyone = [anna, ben, carl];
  await Promise.all(everyone.map((it) => subscribe(it, "lobby")));
  await say(one, "lobby", 1);
  for (const it of everyone) await until(it, "n", 1);
  await redis.call("SAVE");
  await say(other, "lobby", "in no snapshot");
  for (const it of everyone) await until(it, "n", "in no snapshot");
  await away(carl, other, async () => {
    await redis.kill();
    await redis.start();
    let tries = 0;
    await eventually(() => say(other, "lobby", `back ${(tries += 1)}`), PATIENCE);
    for (const it of [anna, ben])
      await eventually(
        () => expect(it.heard).toContainEqual(["recovery:lost", { since: expect.any(Number) }]),
        PATIENCE,
      );
  });
  expect(carl.socket.recovered).toBe(false);
  await eventually(() => expect(carl.heard).toContainEqual(["recovery:lost", expect.anything()]));
  await subscribe(carl, "lobby");
  await say(one, "lobby", 2);
  for (const it of everyone) await until(it, "n", 2);
  for (const it of everyone) {
    expect(new Set(numbersOf(it.heard)).size).toBe(numbersOf(it.heard).length);
    expect(it.heard.filter(([event]) => event === "recovery:lost")).toHaveLength(1);
  }
}, 60_000);
