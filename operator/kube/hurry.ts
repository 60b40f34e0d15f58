import type { Log } from "#process";
import type { KubeObject } from "./runtime/index.ts";

/** An answer takes longer only where nobody is there. */
const TIMEOUT_MS = 5000;

/** Whether a resource goes together with its children: it was deleted, and not with `--cascade=orphan`. */
export const takesChildren = (
  { metadata: { deletionTimestamp, finalizers = [] } }: KubeObject,
  isGone: boolean,
): boolean => (isGone || deletionTimestamp !== undefined) && !finalizers.includes("orphan");

/**
 * Tells the gateways of a cluster that goes as a whole that there is nobody to spare by a slow drain. Never rejects: a gateway that is not reached
 * drains within its grace.
 */
export const hurryGateways = async (
  controls: readonly string[],
  { token, log }: { token: () => Promise<string>; log: Log },
): Promise<void> => {
  try {
    const init = {
      method: "POST",
      headers: { authorization: `Bearer ${await token()}`, "content-type": "application/json" },
      body: JSON.stringify({ hurry: true }),
    };
    const answers = await Promise.allSettled(
      controls.map(async (control) => {
        const response = await fetch(`http://${control}/drain`, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
        await response.body?.cancel();
        if (!response.ok) throw new Error(`${control} answered ${response.status}`);
      }),
    );
    for (const answer of answers) if (answer.status === "rejected") throw answer.reason;
  } catch (error) {
    log.info({ err: error }, "gateways of a deleted cluster could not be told to hurry: they drain within their grace");
  }
};
