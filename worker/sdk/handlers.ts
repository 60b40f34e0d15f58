import { Reject, type Context, type Handler } from "#runner";
import { describeIssues, type OutputOf, type StandardResult, type StandardSchema } from "./standard-schema.ts";

const BRAND = Symbol.for("realtimecluster.dev/handlers");

/** What a module of handlers exports as its default. */
export interface Handlers {
  readonly [BRAND]: ReadonlyMap<string, Handler>;
}

/**
 * Names the handler of each event: `export default handlers({"chat:message": async (payload, ctx) => …})`. A key may be a pattern
 * (`chat:*`); the longest match wins.
 */
export const handlers = (byEvent: Record<string, Handler>): Handlers => {
  const entries = Object.entries(byEvent);
  for (const [event, handler] of entries)
    if (typeof handler !== "function") throw new TypeError(`handlers: "${event}" is no function`);
  return { [BRAND]: new Map(entries) };
};

/** The handlers by event behind a module's default export, of whichever copy of this module; undefined where it is something else. */
export const handlersOf = (value: unknown): ReadonlyMap<string, Handler> | undefined => {
  if (typeof value !== "object" || value === null || !(BRAND in value)) return undefined;
  return value[BRAND] instanceof Map ? value[BRAND] : undefined;
};

const checked = <Output>(result: StandardResult<Output>): Output => {
  if (result.issues === undefined) return result.value;
  throw new Reject(describeIssues(result.issues));
};

/** A handler whose `payload` is what `schema` (zod or any other Standard Schema) gives; a payload that it refuses is a `Reject`. */
export const handle =
  <S extends StandardSchema>(schema: S, run: (payload: OutputOf<S>, ctx: Context) => unknown): Handler =>
  (payload, ctx) => {
    const result = schema["~standard"].validate(payload);
    return result instanceof Promise ? result.then((later) => run(checked(later), ctx)) : run(checked(result), ctx);
  };
