import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "#testing";
import { runExample, type RunningExample } from "../../examples/testing/run-example.ts";
import { judge, reached, type Met, type Verdict } from "./verdict.ts";

/** Clients, here or in processes of their own. */
export interface Crowd {
  open(url: string, count: number): Promise<unknown>;
  connected(): Promise<number> | number;
  sources(): Promise<string[]> | string[];
  met(): Promise<Met[]> | Met[];
  restart(): Promise<unknown> | void;
}

/** How one gateway's drain went, as it says itself. */
export interface Drain {
  budget: number;
  grace: number;
  /** Closed within a second, at the most. */
  perSecond: number;
  seconds: number;
}

const SLOW = { timeoutMs: 180_000, everyMs: 100 };
/** For what was said before and is on its way. */
const LATE = { timeoutMs: 30_000, everyMs: 100 };
const GATEWAYS = 3;

/** Three gateways that say numbers to `clients`, all of them connected. Disposed, all ends. */
export const openStage = async (
  crowd: Crowd,
  { clients, reconnectsPerSecond, everyMs }: { clients: number; reconnectsPerSecond: number; everyMs: number },
) => {
  await using stack = new AsyncDisposableStack();
  const cluster: RunningExample = stack.use(
    await runExample("roll", {
      from: join(import.meta.dirname, "cluster"),
      edit: (resource) => {
        resource.setIn(["spec", "gateway", "drain", "reconnectsPerSecond"], reconnectsPerSecond);
        resource.setIn(["spec", "gateway", "env"], [{ name: "EVERY_MS", value: String(everyMs) }]);
      },
    }),
  );
  const gatewaysOf = (pids: Record<string, number>) => Object.keys(pids).filter((name) => name.includes("gateway"));
  await cluster.settled((pids) => gatewaysOf(pids).length === GATEWAYS && pids["roll-entry-0"] !== undefined);
  await crowd.open(cluster.url, clients);

  /** Resolves when everyone is connected and `count` sources were heard. */
  const calm = async (count: number) => {
    await eventually(async () => {
      const [connected, sources] = [await crowd.connected(), (await crowd.sources()).length];
      if (connected !== clients || sources !== count) throw new Error(`${connected} connected, ${sources} sources`);
    }, SLOW);
  };
  await calm(GATEWAYS);
  /** What the clients met, `what` had been done: all that any has heard by now must come to everyone, within the time. */
  const during = async <T>(what: (spoke: number) => Promise<T>): Promise<{ verdict: Verdict; result: T }> => {
    const before = new Set(await crowd.sources());
    await crowd.restart();
    const result = await what(before.size);
    const upTo = reached(await crowd.met());
    const verdict = await eventually(async () => {
      const it = judge(await crowd.met(), { before, upTo });
      if (it.lost > 0) throw new Error(JSON.stringify(it));
      return it;
    }, LATE).catch(async () => judge(await crowd.met(), { before, upTo }));
    return { verdict, result };
  };
  const opened = stack.move();
  return {
    /** All three are replaced. What each old gateway says of its drain, and how long it took until they were gone. */
    roll: () =>
      during(async (spoke): Promise<{ drains: Drain[]; seconds: number }> => {
        const old = gatewaysOf(await cluster.pids());
        const began = performance.now();
        await cluster.edit((resource) => resource.setIn(["spec", "gateway", "options"], { pingInterval: 20_000 }));
        const isNew = (pids: Record<string, number>) =>
          gatewaysOf(pids).length === GATEWAYS && !gatewaysOf(pids).some((name) => old.includes(name));
        await eventually(() => cluster.settled(isNew), SLOW);
        const seconds = (performance.now() - began) / 1000;
        await calm(spoke + GATEWAYS);
        return { seconds, drains: await Promise.all(old.map((name) => drainOf(cluster.log(name)))) };
      }),
    /** One of the three is killed. */
    kill: () =>
      during(async (spoke) => {
        const [victim = ""] = gatewaysOf(await cluster.pids());
        await cluster.killAndAwait(victim);
        await calm(spoke + 1);
      }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
};

const drainOf = async (file: string): Promise<Drain> => {
  const line = (await readFile(file, "utf8")).split("\n").find((it) => it.includes("the clients have been sent away"));
  if (line === undefined) throw new Error(`${file} says nothing of a drain`);
  return JSON.parse(line) as Drain;
};
