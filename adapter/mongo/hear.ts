import type { Log } from "#process";
import type { BusMetrics } from "../metrics.ts";
import type { Topics } from "../topics.ts";
import { readDocument, type BusMessage } from "./document.ts";
import type { Large } from "./large.ts";

type Whole = { t: readonly string[]; m: Uint8Array };

/**
 * Hands on what a document holds; what is none of the Bus is counted. A promise where large messages are fetched first: until it resolves
 * nothing of the document has been handed on, and where it rejects nothing was.
 */
export const hearDocuments =
  (topics: Topics, { large, metrics, log }: { large: Large; metrics: BusMetrics; log: Log }) =>
  (document: Record<string, unknown>): Promise<void> | undefined => {
    const { messages, isWhole } = readDocument(document);
    const malformed = (reason: string) => {
      metrics.malformed();
      log.warn({ id: String(document["_id"]) }, reason);
    };
    const deliver = ({ t, m }: Whole) => {
      const [only] = t;
      topics.deliver(only !== undefined && t.length === 1 ? only : t, m);
    };
    /** What nobody here listens to is not fetched. */
    const fetch = async (message: BusMessage): Promise<Whole[]> => {
      if ("m" in message) return [message];
      if (!message.t.some(topics.has)) return [];
      const m = await large.fetch(message.l);
      if (m === undefined) malformed("a large message came too late to be fetched");
      return m === undefined ? [] : [{ t: message.t, m }];
    };
    const fetchAll = async () => {
      const whole: Whole[] = [];
      for (const message of messages) whole.push(...(await fetch(message)));
      for (const message of whole) deliver(message);
    };
    if (!isWhole) malformed("a document is none of the bus");
    if (messages.some((message) => "l" in message)) return fetchAll();
    for (const message of messages) if ("m" in message) deliver(message);
    return undefined;
  };
