import { clusterEvent, drainRequest, redriveRequest, Refusal, shedOrders, type ClusterEvent } from "#crds";
import type { Watched } from "#process";
import express, { type Express, type Request, type RequestHandler } from "express";
import { z } from "zod";
import { authenticate } from "../api/bearer.ts";
import { brokerOf, poolOf, type ApiContext } from "../api/handlers.ts";
import { refuse } from "../api/refuse.ts";
import type { GatewayContext } from "../context.ts";
import type { Signals } from "../signals/index.ts";
import { lineWriter } from "./lines.ts";

export interface ControlParts {
  /** Bearer token of the control plane. */
  token: Pick<Watched<string>, "current">;
  signals: Signals;
  /** Tells clients on `cluster`. */
  announce: (events: readonly ClusterEvent[]) => void;
  /** Begins the gateway's drain, or hurries it. */
  drain: (isHurried: boolean) => void;
}

const eventsBody = z.union([clusterEvent, z.array(clusterEvent).max(100)]);
const limitQuery = z.object({ limit: z.coerce.number().int().min(1).max(1000).default(50) });

const answering =
  (handle: (request: Request) => Promise<object>): RequestHandler =>
  async (request, response) => {
    response.json({ ok: true, ...(await handle(request)) });
  };

/**
 * The control port's routes, all with the bearer token: `GET /signals` (NDJSON, a snapshot a second), `POST /cluster-events` (one or an
 * array), `GET /dead/:pool?limit`, `POST /dead/:pool/redrive {ids?}`, `POST /drain {hurry?}`, `POST /shed [{node, sessions, perSecond}]`
 * (`taken`: this gateway is one of the nodes and begins). Answers and refusals have the HTTP API's shapes.
 */
export const createApp = (
  context: Pick<ApiContext, "broker" | "config" | "refusals" | "log" | "node"> & Pick<GatewayContext, "shed">,
  { token, signals, announce, drain }: ControlParts,
): Express => {
  const app = express().disable("x-powered-by").disable("etag");
  app.use(authenticate(() => [token.current()]));
  app.use(express.json({ limit: 1_000_000, type: () => true }));

  app.get("/signals", (_request, response) => {
    response.set("cache-control", "no-store").type("application/x-ndjson").flushHeaders();
    const stream = signals.open(lineWriter(response));
    response.on("close", () => stream[Symbol.dispose]());
  });

  app.post("/cluster-events", (request, response) => {
    const events = eventsBody.parse(request.body);
    announce(Array.isArray(events) ? events : [events]);
    response.status(202).json({ ok: true });
  });

  const poolNamed = ({ params }: Request) => poolOf(context, String(params["pool"]));
  app.get(
    "/dead/:pool",
    answering(async (request) => {
      const { limit } = limitQuery.parse(request.query);
      return { letters: await brokerOf(context).deadLetters(poolNamed(request), limit) };
    }),
  );
  app.post(
    "/dead/:pool/redrive",
    answering(async (request) => {
      const { ids } = redriveRequest.parse(request.body ?? {});
      return { count: await brokerOf(context).redrive(poolNamed(request), ids) };
    }),
  );

  app.post("/drain", (request, response) => {
    drain(drainRequest.parse(request.body ?? {}).hurry);
    response.status(202).json({ ok: true });
  });

  app.post("/shed", (request, response) => {
    const order = shedOrders.parse(request.body).find(({ node }) => node === context.node);
    response.status(202).json({ ok: true, taken: order !== undefined && context.shed(order) });
  });

  app.use((_request, _response, next) => next(new Refusal("not_found", "no such route")));
  app.use(
    refuse(
      (code) => context.refusals.count(code, "http"),
      (error) => context.log.error({ err: error }, "a request to the control port failed"),
    ),
  );
  return app;
};
