import { expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { exportJobs, type PoolJobs } from "./job-metrics.ts";

test("the jobs of each pool are told as they are when metrics are asked for; what is unknown or gone has no value", async () => {
  const registry = new Registry();
  let pools: PoolJobs[] = [];
  exportJobs(registry, () => pools);
  const told = async () =>
    (await registry.metrics()).split("\n").filter((line) => !line.startsWith("#") && line !== "");
  expect(await told()).toEqual([]);
  pools = [
    { key: "prod/chat", pool: "a", ready: 7, unacked: 3, leaving: 1, dead: 0 },
    { key: "prod/chat", pool: "b" },
    { key: "prod/shop", pool: "a", ready: 0, unacked: 0 },
  ];
  const line = (cluster: string, state: string, jobs: number) =>
    `realtime_operator_pool_jobs{cluster_namespace="prod",realtime_cluster="${cluster}",pool="a",state="${state}"} ${jobs}`;
  expect(await told()).toEqual([
    line("chat", "ready", 7),
    line("chat", "unacked", 3),
    line("chat", "leaving", 1),
    line("chat", "dead", 0),
    line("shop", "ready", 0),
    line("shop", "unacked", 0),
    line("shop", "leaving", 0),
  ]);
  pools = [];
  expect(await told()).toEqual([]);
});
