import type { Log } from "#process";
import type { BusMetrics } from "../metrics.ts";
import type { Topics } from "../topics.ts";
import { readDocument } from "./document.ts";

/** Hands on what a document holds; what is none of the Bus is counted. */
export const hearDocuments =
  (topics: Topics, { metrics, log }: { metrics: BusMetrics; log: Log }) =>
  (document: Record<string, unknown>): void => {
    const { messages, isWhole } = readDocument(document);
    for (const { t, m } of messages) {
      const [only] = t;
      topics.deliver(only !== undefined && t.length === 1 ? only : t, m);
    }
    if (isWhole) return;
    metrics.malformed();
    log.warn({ id: String(document["_id"]) }, "a document is none of the bus");
  };
