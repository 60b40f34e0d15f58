import { expect, test } from "@jest/globals";
import { setTimeout as wait } from "node:timers/promises";
import { channelRoom } from "#crds";
import { eventually } from "#testing";
import { testCluster } from "../testing/cluster.ts";
import type { DriverUnderTest } from "../testing/drivers.ts";
import { text } from "./fixture.ts";

/** How long the server stays away: ADAPTER_AWAY_SECONDS, or 3 s. */
const AWAY_MS = Number(process.env["ADAPTER_AWAY_SECONDS"] ?? 3) * 1000;

const dropped = (metrics: string) =>
  [...metrics.matchAll(/^realtime_bus_dropped_total\{.*\} (\d+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );

/** What every driver must do while its server is killed, and when it is back. */
export const outage = ({ driver, mortal: server }: DriverUnderTest): void => {
  test("nobody ends, own clients are served, drops are counted; all goes on when it is back", async () => {
    await using mortal = await server();
    await using cluster = testCluster(driver, mortal.uri);
    const [one, two, three, { delivery, registry }] = await Promise.all([
      cluster.gateway(),
      cluster.gateway(),
      cluster.gateway(),
      cluster.delivery(),
    ]);
    using anna = await one.client("anna", [channelRoom("lobby")]);
    using ben = await two.client("ben", [channelRoom("lobby")]);
    const heard: string[] = [];
    await delivery.bus.subscribe("topic", (message) => heard.push(text(message)));
    await eventually(async () => expect(await one.ask("nodes")).toBe(3));

    await mortal.kill();
    const back = Date.now() + AWAY_MS;
    await eventually(async () => {
      expect(delivery.bus.connected()).toBe(false);
      for (const { ask } of [one, two, three]) expect(await ask("connected")).toBe(false);
    });
    await one.ask("emit", { rooms: [channelRoom("lobby")], event: "own" });
    await one.ask("join", { rooms: [channelRoom("lobby")], joined: "club" });
    await one.ask("emit", { rooms: ["club"], event: "joined" });
    await eventually(() => expect(anna.heard).toEqual([["own"], ["joined"]]));
    for (let index = 0; index < 1000; index += 1) delivery.emitter().to("lobby").emit("lost", index);
    const partial = one.ask("askPartially", { event: "who", timeoutMs: 300 });
    const late = delivery.bus.subscribe("later", (message) => heard.push(`late ${text(message)}`));
    await one.ask("serverSideEmit", {});
    expect(await partial).toMatchObject({ error: "operation has timed out" });
    expect(dropped(await registry.metrics())).toBeGreaterThanOrEqual(1000);
    expect(dropped(String(await one.ask("metrics")))).toBeGreaterThanOrEqual(3);
    using dora = await three.client("dora");
    await three.ask("joinHere", { name: "dora", joined: channelRoom("lobby") });

    await wait(Math.max(0, back - Date.now()));
    await mortal.start();
    await late;
    await eventually(
      async () => {
        for (const { heard } of [anna, ben, dora]) heard.splice(0);
        heard.splice(0);
        await one.ask("emit", { rooms: [channelRoom("lobby")], event: "back" });
        delivery.emitter().to("lobby").emit("emitted");
        delivery.bus.publish("topic", Buffer.from("x"));
        delivery.bus.publish("later", Buffer.from("y"));
        await eventually(
          () => {
            for (const client of [anna, ben, dora])
              expect(client.heard).toEqual(expect.arrayContaining([["back"], ["emitted"]]));
            expect(heard).toEqual(expect.arrayContaining(["x", "late y"]));
          },
          { timeoutMs: 500 },
        );
      },
      { timeoutMs: 30_000 },
    );
    await eventually(async () => {
      expect(await one.ask("nodes")).toBe(3);
      expect(await one.ask("fetch")).toHaveLength(3);
    });
    for (const { heard } of [ben, dora]) expect(heard).not.toContainEqual(["lost", 999]);
    expect(await one.ask("left")).toEqual([]);
  });
};
