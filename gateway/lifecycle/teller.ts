import { ERRORS, Refusal, type LifecycleEvent } from "#crds";
import { counter, type Log } from "#process";
import type { Registry } from "prom-client";
import type { Submit } from "../context.ts";
import type { Route } from "../routing/routes.ts";

export interface Told {
  event: LifecycleEvent;
  payload: Record<string, unknown>;
  user?: string | undefined;
  /** The same for all who would tell it: the store lets it through once. */
  id?: string | undefined;
}

/** Tells pools what happens to connections and channels; what no pool takes costs nothing. */
export interface Teller extends AsyncDisposable {
  tell(it: Told): void;
  size(): number;
}

const WAITING = 10_000;
const AGAIN_MS = 1000;

/** What the broker does not take is kept and told again, in order; beyond 10,000 it is counted in `realtime_lifecycle_dropped_total`. */
export const createTeller = ({
  submit,
  route,
  log,
  registry,
}: {
  submit: Submit;
  route: (event: string) => Route;
  log: Log;
  registry: Registry;
}): Teller => {
  const dropped = counter(registry, {
    name: "realtime_lifecycle_dropped_total",
    help: "Lifecycle events that no pool was told",
    labelNames: ["event"] as const,
  });
  const waiting: Told[] = [];
  const underWay = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | undefined;

  const keep = (it: Told) => {
    if (waiting.length >= WAITING) return dropped.inc({ event: it.event });
    waiting.push(it);
    timer ??= setTimeout(again, AGAIN_MS).unref();
  };
  const say = (it: Told): void => {
    const attempt = submit(it).then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof Refusal && ERRORS[error.code].passing) return keep(it);
        dropped.inc({ event: it.event });
        log.warn({ err: error, event: it.event }, "a lifecycle event was not taken");
      },
    );
    underWay.add(attempt);
    void attempt.then(() => underWay.delete(attempt));
  };
  const again = () => {
    timer = undefined;
    for (const it of waiting.splice(0)) say(it);
  };
  return {
    tell: (it) => {
      const { pool, copies } = route(it.event);
      if (pool === undefined && copies.length === 0) return;
      if (waiting.length > 0) keep(it);
      else say(it);
    },
    size: () => waiting.length + underWay.size,
    [Symbol.asyncDispose]: async () => {
      clearTimeout(timer);
      again();
      await Promise.all(underWay);
      clearTimeout(timer);
      for (const { event } of waiting.splice(0)) dropped.inc({ event });
    },
  };
};
