import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { PATIENCE, runExample } from "../examples/testing/run-example.ts";
import { createListeners } from "../bench/roll/listen.ts";
import { judge, reached } from "../bench/roll/verdict.ts";
import { eventually } from "#testing";

const FROM = join(import.meta.dirname, "../bench/roll/cluster");

test("drain sends one gateway's clients to the others, shows how many are left and who takes its place; Ctrl-C waits for no drain", async () => {
  await using cluster = await runExample("roll", {
    from: FROM,
    edit: (resource) => {
      resource.setIn(["spec", "gateway", "replicas"], 2);
      resource.setIn(["spec", "gateway", "drain", "reconnectsPerSecond"], 4);
    },
  });
  await cluster.settled((pids) =>
    ["entry-0", "gateway-0", "gateway-1"].every((it) => pids[`roll-${it}`] !== undefined),
  );
  using clients = createListeners();
  const [first] = await eventually(async () => {
    await clients.open(cluster.url, 2);
    const { gateways } = await cluster.snapshot();
    expect(Math.min(...gateways.map(({ connections }) => connections))).toBeGreaterThanOrEqual(2);
    return gateways;
  }, PATIENCE);
  await eventually(() => expect(clients.sources()).toHaveLength(2));
  const before = new Set(clients.sources());
  clients.restart();

  expect(await cluster.command("drain", "roll-gateway-9", "--file", "realtimecluster.yaml")).toEqual([
    "there is no gateway roll-gateway-9; gateways that can be drained: roll-gateway-0, roll-gateway-1",
  ]);
  const name = first?.node.replace(/-[0-9a-f]{8}$/, "") ?? "";
  const lines = await cluster.command("drain", name, "--file", "realtimecluster.yaml");
  expect([lines[0], lines.at(-1)]).toEqual([
    `${name} sends its clients away`,
    `${name} has gone; in its place: roll-gateway-2`,
  ]);
  const left = lines.flatMap((line) => /: (\d+) connections left$/.exec(line)?.[1] ?? []).map(Number);
  expect(left.length).toBeGreaterThan(0);
  expect(left).toEqual(left.toSorted((a, b) => b - a));

  await cluster.settled((pids) => pids["roll-gateway-2"] !== undefined && pids[name] === undefined);
  await eventually(() => expect(clients.sources()).toHaveLength(3), PATIENCE);
  await eventually(() => expect(clients.connected()).toBe(clients.met().length), PATIENCE);
  const upTo = reached(clients.met());
  const fine = { lost: 0, doubled: 0, outOfOrder: 0, unrecovered: 0, movesPerClient: 1 };
  await eventually(() => expect(judge(clients.met(), { before, upTo })).toMatchObject(fine), PATIENCE);
  const began = performance.now();
  expect(await cluster.interrupt()).toBe(0);
  expect(performance.now() - began).toBeLessThan(30_000);
}, 180_000);
