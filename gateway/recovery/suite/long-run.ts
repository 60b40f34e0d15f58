import { expect, test } from "@jest/globals";
import { eventually } from "#testing";
import type { MortalServer } from "../../../adapter/testing/drivers.ts";
import { recoveryCluster, rove, type RecoveryDriver } from "../../testing/recovery-cluster.ts";
import { breaks, numbersOf, pick, say, subscribe, until } from "../../testing/roving.ts";

/** `.ci/run` asks for 1,000. */
const CUTS = Number(process.env["RECOVERY_CUTS"] ?? 150);
const TIMEOUT_MS = 60_000 + CUTS * 2000;
/** On FerretDB a message may take as long as a hundred elsewhere. */
const messagesPerCut = (driver: RecoveryDriver): number => (driver === "mongo" ? 1 : 10);

/** Fifteen clients, cut again and again while three gateways speak, of which one is killed. */
export const longRun = (driver: RecoveryDriver, start: () => Promise<MortalServer>) =>
  test(
    `over ${driver}, ${CUTS * messagesPerCut(driver)} numbered messages of three gateways, ${CUTS} cuts, one gateway killed: nothing is missing, doubled or out of order for who recovered`,
    async () => {
      await using server = await start();
      await using cluster = recoveryCluster(driver, server.uri);
      await using clientele = new AsyncDisposableStack();
      const client = async ({ port }: { port: number }) => clientele.use(await rove(port));
      const all = await Promise.all([0, 1, 2].map(() => cluster.gateway()));
      const [first] = all;
      if (first === undefined) throw new Error("unreachable");
      const observer = await client(first);
      await subscribe(observer, "all");
      const clients = await Promise.all(Array.from({ length: 15 }, () => client(pick(all))));
      await Promise.all(clients.map((it) => subscribe(it, "all")));
      for (const it of clients)
        it.socket.on("connect", () => {
          if (!it.socket.recovered) subscribe(it, "all").catch(() => {});
        });
      let sent = 0;
      const over = new AbortController();
      clientele.defer(() => over.abort());
      const speak = async () => {
        for (; !over.signal.aborted; sent += 1) await say(pick(all), "all", sent).catch(() => {});
      };
      const speaking = speak();
      for (let made = 0; made < CUTS;) {
        const it = pick(clients);
        if (made === Math.floor(CUTS / 2) && all.length === 3) {
          const [killed] = all.splice(1, 1);
          all.push(await cluster.gateway());
          for (const other of clients) if (!other.socket.connected) other.cut(first.port);
          for (const other of clients) Reflect.set(other.socket.io, "uri", `http://127.0.0.1:${pick(all).port}`);
          await killed?.process.kill("SIGKILL");
          made += 1;
        }
        if (it.socket.connected && sent > made * messagesPerCut(driver)) {
          it.cut(pick(all).port);
          made += 1;
        }
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
      }
      await eventually(() => expect(clients.every(({ socket }) => socket.connected)).toBe(true));
      over.abort();
      await speaking;
      await Promise.all(clients.map((it) => subscribe(it, "all")));
      await say(first, "all", "end");
      for (const it of [observer, ...clients]) await until(it, "n", "end");
      const order = numbersOf(observer.heard);
      expect(order.length).toBe(new Set(order).size);
      expect(order.length).toBeGreaterThan(sent * 0.9);
      for (const it of clients) expect(breaks(it.heard, order)).toEqual([]);
      const connects = clients.flatMap(({ heard }) => heard.filter(([event]) => event === "(connected)").slice(1));
      expect(connects.filter(([, recovered]) => recovered === true).length).toBeGreaterThan(connects.length * 0.9);
    },
    TIMEOUT_MS,
  );
