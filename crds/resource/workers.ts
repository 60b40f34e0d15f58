import { z } from "zod";
import { dnsName, patterns, podFields } from "./common.ts";

export const retry = z.strictObject({
  attempts: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(5)
    .describe("How often a job is tried before it is dead-lettered."),
  backoffSeconds: z
    .number()
    .min(0.1)
    .max(3600)
    .default(1)
    .describe("Wait before the second attempt; doubled for each further one."),
  maxBackoffSeconds: z.number().min(0.1).max(86400).default(60).describe("The longest wait between two attempts."),
});

export const poolAutoscaling = z.strictObject({
  external: z
    .boolean()
    .optional()
    .describe("An HPA or KEDA owns the pool's Deployment; nothing here writes its count."),
  minReplicas: z.number().int().min(0).max(1000).default(0).describe("Fewest workers; 0: none while nothing waits."),
  maxReplicas: z.number().int().min(1).max(1000).default(10).describe("Most workers."),
  targetBacklog: z.number().int().min(1).max(1_000_000).default(100).describe("Jobs, waiting or in hand, per worker."),
  maxWaitSeconds: z
    .number()
    .int()
    .min(1)
    .max(86_400)
    .default(60)
    .describe("How long a job may wait while all workers are busy before there are more of them."),
  scaleDownSeconds: z
    .number()
    .int()
    .min(0)
    .max(3600)
    .default(60)
    .describe(
      "How long fewer workers must suffice before the count goes down, by a step, which is at most half of it.",
    ),
});

export const workerPool = z.strictObject({
  name: dnsName(20).describe("At most 20 lower-case letters, digits and `-`, beginning with a letter."),
  events: patterns
    .min(1)
    .describe(
      "Events that this pool takes; the longest match wins. `$connected`, `$disconnected`, `$occupied`, `$vacated` too.",
    ),
  mode: z
    .enum(["job", "request", "copy"])
    .default("job")
    .describe("job: acked when taken; request: the ack is the handler's result; copy: gets a copy, answers nobody."),
  orderBy: z
    .string()
    .min(1)
    .max(200)
    .default("none")
    .describe("none, user, or a dotted path in the payload: jobs of one key run one after the other."),
  handlers: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .describe(
      "Module of handlers: beside this file on a laptop, in the image's working directory on Kubernetes. Default: ./handlers/<name>.ts",
    ),
  concurrency: z.number().int().min(1).max(1000).default(20).describe("Jobs that one worker runs at once."),
  timeoutSeconds: z
    .number()
    .min(0.1)
    .max(86400)
    .default(30)
    .describe("How long an attempt may take before it counts as failed."),
  retry: retry.prefault({}).describe("What becomes of a job that failed."),
  replicas: z
    .number()
    .int()
    .min(0)
    .max(1000)
    .optional()
    .describe(
      "Number of workers, instead of `autoscaling`; 0: only workers that are socket.io clients, or in other languages, and no `handlers`.",
    ),
  autoscaling: poolAutoscaling.optional().describe("Absent: the count stays as it is written."),
  ...podFields,
});
export type WorkerPool = z.infer<typeof workerPool>;
