import { describe, expect, test } from "@jest/globals";
import { channelRoom } from "#crds";
import { eventually } from "#testing";
import { testCluster } from "./cluster.ts";

/** A server that a test may take away and bring back. */
export interface MortalServer extends AsyncDisposable {
  uri: string;
  kill(): Promise<void>;
  start(): Promise<void>;
}

const text = (message: Uint8Array): string => Buffer.from(message).toString();

const dropped = (metrics: string) =>
  [...metrics.matchAll(/^realtime_bus_dropped_total\{.*\} (\d+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );

/** What every driver must do while its server is killed, and when it is back. */
export const outageSuite = (driver: "redis" | "zeromq" | "mongo", server: () => Promise<MortalServer>) => {
  describe("while the server is away", () => {
    test("nobody ends, own clients are served, drops are counted; all goes on when it is back", async () => {
      await using mortal = await server();
      await using cluster = testCluster(driver, mortal.uri);
      const [one, two, { delivery, registry }] = await Promise.all([
        cluster.gateway(),
        cluster.gateway(),
        cluster.delivery(),
      ]);
      using anna = await one.client("anna", [channelRoom("lobby")]);
      using ben = await two.client("ben", [channelRoom("lobby")]);
      const heard: string[] = [];
      await delivery.bus.subscribe("topic", (message) => heard.push(text(message)));
      await eventually(async () => expect(await one.ask("nodes")).toBe(2));

      await mortal.kill();
      await eventually(async () => {
        expect(delivery.bus.connected()).toBe(false);
        expect(await one.ask("connected")).toBe(false);
        expect(await two.ask("connected")).toBe(false);
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

      await mortal.start();
      await late;
      await eventually(
        async () => {
          for (const { heard } of [anna, ben]) heard.splice(0);
          heard.splice(0);
          await one.ask("emit", { rooms: [channelRoom("lobby")], event: "back" });
          delivery.emitter().to("lobby").emit("emitted");
          delivery.bus.publish("topic", Buffer.from("x"));
          delivery.bus.publish("later", Buffer.from("y"));
          await eventually(
            () => {
              for (const client of [anna, ben])
                expect(client.heard).toEqual(expect.arrayContaining([["back"], ["emitted"]]));
              expect(heard).toEqual(expect.arrayContaining(["x", "late y"]));
            },
            { timeoutMs: 500 },
          );
        },
        { timeoutMs: 30_000 },
      );
      await eventually(async () => {
        expect(await one.ask("nodes")).toBe(2);
        expect(await one.ask("fetch")).toHaveLength(2);
      });
      expect(ben.heard).not.toContainEqual(["lost", 999]);
      expect(await one.ask("left")).toEqual([]);
    });
  });
};
