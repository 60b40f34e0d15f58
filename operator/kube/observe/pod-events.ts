import { ApiError, type Client } from "../runtime/client.ts";
import { systemClock } from "../runtime/clock.ts";
import type { KubeObject } from "../runtime/object.ts";
import { tokenBucket } from "../runtime/token-bucket.ts";
import { eventOf, type PodEvent } from "./event.ts";
import { objectsToAskAbout } from "./events-needed.ts";

export interface PodEvents {
  /** The warnings about those of a cluster's children whose own status does not tell what is wrong; never rejects. */
  about(live: readonly KubeObject[]): Promise<readonly PodEvent[]>;
}

export interface PodEventsOptions {
  client: Pick<Client, "list">;
  /** The least time between two questions about one object. */
  everyMs?: number;
  /** How many objects are asked about at once, at most. */
  atOnce?: number;
  /** Questions about all clusters together: what many have in common must not keep the operator from its work. */
  rate?: { perSecond: number; burst: number };
  /** Told why Events could not be read. */
  onError?: (error: unknown) => void;
  now?: () => number;
}

/** The warnings about one object. */
export const askEvents = async (
  client: Pick<Client, "list">,
  { uid, namespace }: { uid: string; namespace: string },
): Promise<PodEvent[]> => {
  const fieldSelector = `involvedObject.uid=${uid},type=Warning`;
  const events = await client.list({ apiVersion: "v1", kind: "Event" }, { namespace, fieldSelector });
  return events.map(eventOf);
};

/** Asks for Events where they are needed, about each object at most every 10 s, about all at most 5 times a second; answers from memory in between. */
export const createPodEvents = ({
  client,
  everyMs = 10_000,
  atOnce = 5,
  rate = { perSecond: 5, burst: 25 },
  onError = () => {},
  now = Date.now,
}: PodEventsOptions): PodEvents => {
  const bucket = tokenBucket(rate, systemClock.now);
  const memory = new Map<string, { askedAt: number; events: readonly PodEvent[] }>();

  const ask = async (object: { uid: string; namespace: string }): Promise<void> => {
    const before = memory.get(object.uid)?.events ?? [];
    memory.set(object.uid, { askedAt: now(), events: before });
    try {
      memory.set(object.uid, { askedAt: now(), events: await askEvents(client, object) });
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === "NotFound")) onError(error);
    }
  };

  const forgetOld = () => {
    for (const [uid, { askedAt }] of memory) if (now() - askedAt > 30 * everyMs) memory.delete(uid);
  };

  return {
    about: async (live) => {
      forgetOld();
      const needed = objectsToAskAbout(live, now());
      const lastAsked = ({ uid }: { uid: string }) => memory.get(uid)?.askedAt ?? -Infinity;
      const due = needed
        .filter((it) => now() - lastAsked(it) >= everyMs)
        .toSorted((a, b) => lastAsked(a) - lastAsked(b));
      await Promise.all(
        due
          .slice(0, atOnce)
          .filter(() => bucket.take())
          .map(ask),
      );
      return needed.flatMap(({ uid }) => memory.get(uid)?.events ?? []);
    },
  };
};
