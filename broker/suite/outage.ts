import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Refusal } from "#crds";
import { eventually } from "#testing";
import { aCluster, aJob, aPool, ids, work, type MortalServer, type Stage, type SuiteOptions } from "./fixture.ts";

/** A server that is killed under load, or away for a while. */
export const describeOutage = ({ open, declareAt }: Pick<Stage, "open" | "declareAt">, options: SuiteOptions): void => {
  describe("with a server that goes away", () => {
    let server: MortalServer;
    beforeAll(async () => {
      server = await options.mortalServer();
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
    });

    test("killed and started again under load: nothing that was acked is lost", async () => {
      const cluster = aCluster();
      const pool = aPool();
      await declareAt(server, cluster, pool);
      await using publisher = await open(server.uri, cluster);
      await using worker = await open(server.uri, cluster);
      await publisher.declare([pool]);
      await worker.declare([pool]);
      const { done } = await work(worker, pool, () => Promise.resolve({ kind: "done" }));
      const acked: string[] = [];
      const codes = new Set<string>();
      const ending = new AbortController();
      using stack = new DisposableStack();
      stack.defer(() => ending.abort());
      const load = async (prefix: string) => {
        for (let index = 0; !ending.signal.aborted; index++) {
          const id = `${prefix}-${index}`;
          try {
            await publisher.publish(pool, aJob(id));
            acked.push(id);
          } catch (error) {
            codes.add(error instanceof Refusal ? error.code : String(error));
            await wait(20);
          }
        }
      };
      const loads = ["a", "b", "c", "d"].map(load);
      await eventually(() => expect(acked.length).toBeGreaterThan(200));
      await server.kill();
      const before = acked.length;
      await server.start();
      await eventually(() => expect(acked.length).toBeGreaterThan(before + 200), { timeoutMs: 50_000 });
      ending.abort();
      await Promise.all(loads);
      await eventually(
        () => {
          const ran = new Set(ids(done));
          expect(acked.filter((id) => !ran.has(id))).toEqual([]);
        },
        { timeoutMs: 30_000 },
      );
      expect([...codes].filter((code) => code !== "broker_unavailable")).toEqual([]);
    }, 120_000);

    test("away for a while: what is sent meanwhile is refused or acked, nothing acked is lost, all works after", async () => {
      const cluster = aCluster();
      const pool = aPool();
      await using publisher = await open(server.uri, cluster);
      await using worker = await open(server.uri, cluster);
      await publisher.declare([pool]);
      await worker.declare([pool]);
      const { done } = await work(worker, pool, () => Promise.resolve({ kind: "done" }));
      const acked: string[] = [];
      const refused: string[] = [];
      const send = async (id: string) => {
        try {
          await publisher.publish(pool, aJob(id));
          acked.push(id);
        } catch (error) {
          refused.push(error instanceof Refusal ? error.code : String(error));
        }
      };
      await send("before");
      await server.stop();
      await eventually(() => expect(publisher.connected()).toBe(false), { timeoutMs: 30_000 });
      const back = Date.now() + (options.awayMs ?? Number(process.env["BROKER_AWAY_SECONDS"] ?? 5) * 1000);
      const sent: Promise<void>[] = [];
      while (Date.now() < back) {
        sent.push(send(`away-${sent.length}`));
        await wait(20);
      }
      await expect(publisher.depth(pool)).rejects.toMatchObject({ code: "broker_unavailable" });
      await server.start();
      await Promise.all(sent);
      await eventually(() => expect([publisher.connected(), worker.connected()]).toEqual([true, true]), {
        timeoutMs: 50_000,
      });
      await eventually(() => publisher.publish(pool, aJob("after")), { timeoutMs: 30_000 });
      await eventually(() => expect(ids(done)).toEqual(expect.arrayContaining([...acked, "after"])), {
        timeoutMs: 30_000,
      });
      expect(acked).toContain("before");
      expect(refused.filter((code) => code !== "broker_unavailable")).toEqual([]);
      expect(refused.length + acked.length).toBe(sent.length + 1);
    }, 120_000);
  });
};
