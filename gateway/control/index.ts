import { createServer } from "node:http";
import type { Membership } from "#adapter";
import type { Broker, Inspector } from "#broker";
import type { GatewayReport } from "#crds";
import type { Watched } from "#process";
import type { Store } from "#store";
import { listen, type Listening } from "../api/listen.ts";
import type { GatewayContext } from "../context.ts";
import { answerReports, openSignals, watchLag, type Intake } from "../signals/index.ts";
import type { ClusterFeed } from "../watch/index.ts";
import { createApp } from "./create-app.ts";

/** What the control port needs of its gateway. */
export interface ControlContext extends Pick<
  GatewayContext,
  | "node"
  | "bus"
  | "log"
  | "refusals"
  | "clock"
  | "connections"
  | "carried"
  | "recoverable"
  | "shedTotal"
  | "shed"
  | "draining"
> {
  broker: () => (Inspector & Pick<Broker, "connected">) | undefined;
  store: Pick<Store, "connected">;
  membership: Pick<Membership, "members">;
  config: Pick<GatewayContext["config"], "current">;
  intake: Pick<Intake, "watch">;
}

export interface ControlOptions {
  host: string;
  port: number;
  token: Pick<Watched<string>, "current">;
  feed: Pick<ClusterFeed, "announce">;
  /** Begins the gateway's drain, or hurries it; safe to repeat. */
  drain: (isHurried: boolean) => void;
  /** ms between snapshots. */
  everyMs?: number;
}

/** Serves the control port, and answers the other gateways' requests for reports. Rejects where the port is taken. */
export const serveControl = async (
  context: ControlContext,
  { host, port, token, feed, drain, everyMs = 1000 }: ControlOptions,
): Promise<Listening> => {
  const {
    node,
    bus,
    broker,
    store,
    config,
    membership,
    log,
    clock,
    connections,
    carried,
    recoverable,
    shedTotal,
    draining,
    intake,
  } = context;
  await using opened = new AsyncDisposableStack();
  const lag = opened.use(watchLag());
  const own = (): GatewayReport => {
    const lagMs = lag.ms();
    return {
      node,
      connections: connections(),
      carried: carried(),
      recoverable: recoverable(),
      shed: shedTotal(),
      draining: draining(),
      ...(lagMs === undefined ? {} : { lagMs }),
    };
  };
  opened.use(await answerReports(bus, own, intake));
  const pools = () => config.current().pools;
  const signals = opened.use(
    openSignals({ node, bus, broker, store, membership, pools, own, log, now: clock, everyMs }),
  );
  const announce: ClusterFeed["announce"] = (events) => feed.announce(events);
  const app = createApp(context, { token, signals, announce, drain });
  const listening = opened.use(await listen(createServer(app), { host, port }, 0));
  const stack = opened.move();
  return { port: listening.port, [Symbol.asyncDispose]: () => stack.disposeAsync() };
};
