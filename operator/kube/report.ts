import { gauge, type Log } from "#process";
import type { Registry } from "prom-client";
import { z } from "zod";
import type { ClusterStatus, Condition } from "../status/model.ts";
import { NAME } from "./act.ts";
import { type Client, type EventRecorder, type KubeObject, openStatusWriter } from "./runtime/index.ts";
import { openScalingMetrics } from "./scaling-metrics.ts";
import { statusDocument } from "./status-document.ts";

/** Numbers that move all the time, and are not worth a write each. */
const NUMBERS = [["backlog"], ["pools", "*", "backlog"], ["pools", "*", "dead"]] as const;

/** What a condition said. */
type Said = Pick<Condition, "status" | "reason" | "observedGeneration">;

const written = z.object({
  conditions: z
    .array(
      z.object({
        type: z.string(),
        status: z.enum(["True", "False", "Unknown"]),
        reason: z.string(),
        observedGeneration: z.number().default(0),
      }),
    )
    .default([]),
});

/** What the operator before this one said: no news any more. */
const saidBefore = ({ status }: KubeObject): Map<string, Said> =>
  new Map(written.safeParse(status).data?.conditions.map((it) => [it.type, it]));

/** Conditions whose turns are told as events, and the status that is bad news. */
const TOLD: Partial<Record<Condition["type"], Condition["status"]>> = {
  Ready: "False",
  Stalled: "True",
  DataRetained: "True",
  Exposed: "False",
  DrainPaced: "False",
};

/** Whether a condition's turn is worth an event: it says something else than before, and is no step of a change that is under way. */
export const isTold = (before: Said | undefined, after: Condition): boolean => {
  const bad = TOLD[after.type];
  if (bad === undefined || (before?.status === after.status && before.reason === after.reason)) return false;
  // What is not known is no news, nor what is well when it is known.
  const isUnknown = after.status === "Unknown" || (before?.status === "Unknown" && after.status !== bad);
  if (isUnknown && after.type !== "Ready") return false;
  if (after.status !== bad) return before !== undefined || after.type === "Ready";
  const isStep = before?.status === bad || before?.observedGeneration !== after.observedGeneration;
  return after.type !== "Ready" || !isStep;
};

/** Writes statuses, measures them, and tells the turns of conditions. */
export const openReport = ({
  client,
  recorder,
  log,
  registry,
}: {
  client: Client;
  recorder: EventRecorder;
  log: Log;
  registry: Registry;
}) => {
  const writer = openStatusWriter({
    client,
    fieldManager: `${NAME}-status`,
    numbers: { paths: NUMBERS },
    log,
  });
  const measured = gauge(registry, {
    name: "realtime_operator_cluster_condition",
    help: "1 while a condition of a cluster is True, else 0",
    labelNames: ["cluster_namespace", "realtime_cluster", "type"],
  });
  const labelsOf = ({ metadata: { namespace = "", name } }: KubeObject, type: string) => ({
    cluster_namespace: namespace,
    realtime_cluster: name,
    type,
  });
  const scalingMetrics = openScalingMetrics(registry);
  /** By uid and type, what was said last. */
  const said = new Map<string, Map<string, Said>>();
  return {
    write: async (
      resource: KubeObject,
      status: ClusterStatus,
      facts: Parameters<typeof statusDocument>[1],
    ): Promise<void> => {
      const uid = resource.metadata.uid ?? "";
      const before = said.get(uid) ?? saidBefore(resource);
      said.set(uid, before);
      await writer.write(resource, statusDocument(status, facts));
      // Gone meanwhile, and forgotten.
      if (said.get(uid) !== before) return;
      for (const condition of status.conditions) {
        const { type, status: is, reason, message } = condition;
        measured.set(labelsOf(resource, type), is === "True" ? 1 : 0);
        if (isTold(before.get(type), condition))
          recorder.record({
            about: resource,
            type: is === TOLD[type] ? "Warning" : "Normal",
            reason,
            message: `${type}: ${message}`,
            action: "Judged",
          });
      }
      scalingMetrics.set(resource.metadata, status.scaling ?? []);
      said.set(uid, new Map(status.conditions.map((it) => [it.type, it])));
    },
    forget: (resource: KubeObject) => {
      const uid = resource.metadata.uid ?? "";
      writer.forget(uid);
      for (const type of said.get(uid)?.keys() ?? []) measured.remove(labelsOf(resource, type));
      said.delete(uid);
      scalingMetrics.set(resource.metadata, []);
    },
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
};
