import { registerHooks } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { bestMatch, matches, type Pool } from "#crds";
import type { Handler, HandlerOf } from "#runner";
import { handlersOf } from "../sdk/handlers.ts";

const PACKAGE = "@realtimecluster/worker";

/** Makes the name that handlers import resolve to this process's own copy of the SDK, wherever their files lie. */
export const provideSdk = (url: string = new URL("../index.ts", import.meta.url).href): void => {
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === PACKAGE ? { url, shortCircuit: true } : next(specifier, context),
  });
};

/** Whether one name can match both patterns. */
const overlap = (a: string, b: string): boolean => matches(a, b) || matches(b, a);

const REMEMBERED = 1_000;

/** Looks up by the longest match, and remembers what it found for the first names. */
export const lookup = (handlers: ReadonlyMap<string, Handler>): HandlerOf => {
  const patterns = [...handlers.keys()];
  const known = new Map<string, Handler | undefined>();
  return (event) => {
    if (known.has(event)) return known.get(event);
    const pattern = bestMatch(patterns, event);
    const handler = pattern === undefined ? undefined : handlers.get(pattern);
    if (known.size < REMEMBERED) known.set(event, handler);
    return handler;
  };
};

/**
 * Loads the module of a pool's handlers. Rejects with an Error that names the file where it throws, where its default export is not of
 * `handlers(…)`, and where it handles no event of the pool.
 */
export const loadHandlers = async (file: string, pool: Pool): Promise<HandlerOf> => {
  const path = resolve(file);
  let loaded: { default?: unknown };
  try {
    loaded = await import(pathToFileURL(path).href);
  } catch (error) {
    throw new Error(`${path} cannot be loaded: ${String(error)}`, { cause: error });
  }
  const handlers = handlersOf(loaded.default);
  if (handlers === undefined)
    throw new Error(`${path} has no handlers: write \`export default handlers({…})\` with handlers of ${PACKAGE}`);
  const events = [...handlers.keys()];
  if (!pool.events.some((mine) => events.some((event) => overlap(mine, event))))
    throw new Error(
      `${path} handles ${events.join(", ") || "nothing"}, but the pool ${pool.name} takes ${pool.events.join(", ")}`,
    );
  return lookup(handlers);
};
