import type { Log } from "#process";
import type { ClusterStatus, ConditionType } from "../status/model.ts";
import type { Client } from "./runtime/client.ts";
import type { EventRecorder } from "./runtime/events.ts";
import type { KubeObject } from "./runtime/object.ts";
import { openStatusWriter } from "./runtime/status.ts";
import { statusDocument } from "./status-document.ts";

/** Numbers that move all the time, and are not worth a write each. */
const NUMBERS = [["backlog"], ["pools", "*", "backlog"], ["pools", "*", "dead"]] as const;

/** Conditions whose turns are told as events, and the status that is bad news. */
const TOLD: Partial<Record<ConditionType, "True" | "False">> = {
  Ready: "False",
  Stalled: "True",
  DataRetained: "True",
  Exposed: "False",
};

/** Writes statuses, and tells the turns of conditions. */
export const openReport = ({ client, recorder, log }: { client: Client; recorder: EventRecorder; log: Log }) => {
  const writer = openStatusWriter({
    client,
    fieldManager: "realtime-operator-status",
    numbers: { paths: NUMBERS },
    log,
  });
  const told = new Map<string, string>();
  const tell = (about: KubeObject, status: ClusterStatus) => {
    for (const { type, status: is, reason, message } of status.conditions) {
      const bad = TOLD[type];
      const key = `${about.metadata.uid} ${type}`;
      const text = `${is} ${reason}`;
      if (bad === undefined || told.get(key) === text) continue;
      const isFirst = !told.has(key);
      told.set(key, text);
      if (isFirst && is !== bad) continue;
      recorder.record({
        about,
        type: is === bad ? "Warning" : "Normal",
        reason,
        message: `${type}: ${message}`,
        action: "Judged",
      });
    }
  };
  return {
    write: async (
      resource: KubeObject,
      status: ClusterStatus,
      facts: Parameters<typeof statusDocument>[1],
    ): Promise<void> => {
      await writer.write(resource, statusDocument(status, facts));
      tell(resource, status);
    },
    forget: (uid: string) => {
      writer.forget(uid);
      for (const key of told.keys()) if (key.startsWith(`${uid} `)) told.delete(key);
    },
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
};
