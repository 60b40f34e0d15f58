import { expect, test } from "@jest/globals";
import { eventually } from "#testing";
import { behave } from "../testing/behave.ts";
import { aJob, aPool, numbered, work, type Stage, type SuiteOptions } from "./fixture.ts";

/** `orderBy`, as the driver promises it. */
export const describeOrder = ({ setUp, spawnWorker, uri }: Stage, { promises }: SuiteOptions): void => {
  if (!promises.ordered)
    test("a pool with orderBy is refused, with its name, the field and the way out", async () => {
      await using it = await setUp();
      await expect(it.broker.declare([aPool({ name: "ordered", orderBy: "user" })])).rejects.toThrow(
        /ordered.*workers\[\]\.orderBy.*broker\.type: zeromq/s,
      );
    });

  if (promises.ordered)
    test("jobs of one key run one after the other, through a retry and a killed worker", async () => {
      await using it = await setUp({ orderBy: "user", concurrency: 20 });
      await using worker = await spawnWorker(uri(), it.cluster, it.pool);
      const keys = ["ann", "bob", "cem", "dan"];
      for (const index of numbered("", 15))
        for (const key of keys)
          await it.broker.publish(
            it.pool,
            aJob(`${key}-${index}`, { ms: 5, ...(index === "3" ? { fails: 1 } : {}) }, { key, user: key }),
          );
      await eventually(() =>
        expect(worker.messages.filter((message) => JSON.stringify(message).includes('"done"')).length).toBeGreaterThan(
          8,
        ),
      );
      await worker.kill("SIGKILL");
      const events: { what: string; id: string; key: string }[] = [];
      for (const message of worker.messages) {
        const { what, id, key } = Object(message);
        if (typeof id === "string") events.push({ what: String(what), id, key: String(key) });
      }
      await work(it.other, it.pool, async (delivery) => {
        const { id, key = "" } = delivery.job;
        events.push({ what: "start", id, key });
        const outcome = await behave(it.pool, delivery);
        events.push({ what: outcome.kind, id, key });
        return outcome;
      });
      const finished = (key: string) => [
        ...new Set(events.filter((event) => event.key === key && event.what === "done").map(({ id }) => id)),
      ];
      await eventually(() => keys.forEach((key) => expect(finished(key)).toHaveLength(15)), { timeoutMs: 30_000 });
      for (const key of keys) {
        expect(finished(key)).toEqual(numbered(`${key}-`, 15));
        const open = new Set<string>();
        for (const { what, id } of events.filter((event) => event.key === key)) {
          if (what === "start") open.add(id);
          else open.delete(id);
          expect(open.size).toBeLessThanOrEqual(1);
        }
      }
    });
};
