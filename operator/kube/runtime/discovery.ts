import { ApiError } from "./client.ts";
import type { Kind } from "./object.ts";
import { parseResources } from "./parse.ts";
import type { Transport } from "./transport.ts";

/** How a kind is addressed. */
export interface Resource {
  plural: string;
  namespaced: boolean;
}

/** `/api/v1`, `/apis/apps/v1`. */
export const groupPath = (apiVersion: string): string => (apiVersion.includes("/") ? "/apis/" : "/api/") + apiVersion;

export interface Resources {
  /** Undefined where the server does not serve it. An answer that is older than `maxAgeMs` is asked for again. */
  find(kind: Kind, maxAgeMs: number): Promise<Resource | undefined>;
  forget(apiVersion: string): void;
}

/**
 * What the API server serves, asked for once per group and version. What it did not serve is asked for again after a second, so that a
 * CRD which appears later is found.
 */
export const createResources = (
  transport: Pick<Transport, "call">,
  { now = Date.now }: { now?: () => number } = {},
): Resources => {
  const known = new Map<string, { at: number; kinds: Promise<Map<string, Resource>> }>();

  const ask = async (apiVersion: string): Promise<Map<string, Resource>> => {
    try {
      return parseResources(await transport.call({ method: "GET", path: groupPath(apiVersion) }));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return new Map();
      known.delete(apiVersion);
      throw error;
    }
  };
  const kindsOf = (apiVersion: string, maxAgeMs: number): Promise<Map<string, Resource>> => {
    const held = known.get(apiVersion);
    if (held !== undefined && now() - held.at < maxAgeMs) return held.kinds;
    const kinds = ask(apiVersion);
    known.set(apiVersion, { at: now(), kinds });
    return kinds;
  };

  return {
    find: async ({ apiVersion, kind }, maxAgeMs) =>
      (await kindsOf(apiVersion, maxAgeMs)).get(kind) ??
      (await kindsOf(apiVersion, Math.min(maxAgeMs, 1000))).get(kind),
    forget: (apiVersion) => void known.delete(apiVersion),
  };
};
