import { expect } from "@jest/globals";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { measured } from "./support/figures.ts";
import { kubectlJson } from "./support/kubectl.ts";
import { leader, metricsOf, scaleOperator, sumOf, type Sample } from "./support/operator.ts";
import { idle } from "./support/resource.ts";
import { scenario } from "./support/stage.ts";
import { waitFor } from "./support/wait-for.ts";

const COUNT = 500;
const QUIET_MS = 5000;

const list = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ generation: z.number(), resourceVersion: z.string() }),
      status: z.object({ observedGeneration: z.number().optional() }).default({}),
    }),
  ),
});

const passes = (samples: readonly Sample[]) =>
  sumOf(samples, "controller_runtime_reconcile_total") || sumOf(samples, "workqueue_work_duration_seconds_count");
const requests = (samples: readonly Sample[]) => sumOf(samples, "rest_client_requests_total");
const memory = (samples: readonly Sample[]) => sumOf(samples, "process_resident_memory_bytes") / 2 ** 20;

scenario(
  `${COUNT} clusters after a restart of the operator: all seen in a minute, at 50 requests per second, in 512 MiB`,
  async (stage) => {
    const items = Array.from({ length: COUNT }, (_, index) => idle(`idle-${index}`));
    await stage.apply({ apiVersion: "v1", kind: "List", items });
    await waitFor(
      async () => {
        const { items } = await kubectlJson(list, ["get", "rtc", "-n", stage.namespace]);
        const seen = items.filter(({ metadata, status }) => status.observedGeneration === metadata.generation).length;
        if (seen < COUNT) throw new Error(`${seen} of ${COUNT} clusters were looked at`);
      },
      { timeoutMs: 300_000, everyMs: 2000 },
    );
    await pause(15_000);

    try {
      await scaleOperator(0);
      const start = Date.now();
      await scaleOperator(1);
      let busy = Date.now();
      let [most, rate, count, last] = [0, 0, -1, { at: Date.now(), requests: 0 }];
      const pod = await waitFor(() => leader(), { timeoutMs: 60_000 });
      for (;;) {
        const samples = await waitFor(() => metricsOf(pod));
        const now = { at: Date.now(), requests: requests(samples) };
        if (last.requests > 0) rate = Math.max(rate, ((now.requests - last.requests) * 1000) / (now.at - last.at));
        last = now;
        most = Math.max(most, memory(samples));
        if (passes(samples) !== count || passes(samples) < COUNT) busy = Date.now();
        count = passes(samples);
        if (Date.now() - busy > QUIET_MS || Date.now() - start > 180_000) break;
        await pause(1000);
      }
      const seconds = (busy - start) / 1000;
      await measured(`${COUNT} clusters: operator started → every one was looked at`, seconds, "s", 60);
      await measured(`${COUNT} clusters: requests to the API server, most in a second`, rate, "per second", 50);
      await measured(`${COUNT} clusters: the operator's memory, most`, most, "MiB", 512);
      expect(count).toBeGreaterThanOrEqual(COUNT);
      expect(seconds).toBeLessThan(60);
      expect(rate).toBeLessThan(55);
      expect(most).toBeLessThan(512);
    } finally {
      await scaleOperator(2);
    }
  },
  900_000,
);
