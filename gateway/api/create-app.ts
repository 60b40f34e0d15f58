import {
  ERRORS,
  hasBinary,
  OPENAPI_PATH,
  OPERATIONS,
  openapiDocument,
  packBinary,
  Refusal,
  type OperationId,
  type OperationInput,
} from "#crds";
import express, { type Express, type RequestHandler } from "express";
import { counter } from "#process";
import { authenticate } from "./bearer.ts";
import { createHandlers, type ApiContext, type Handlers } from "./handlers.ts";
import { refuse } from "./refuse.ts";

/** Bytes that a body may bring where payloads have no limit of their own: an API is no way to fill the memory. */
const UNLIMITED_PAYLOAD = 10_000_000;

const isErrorCode = (code: string): code is keyof typeof ERRORS => Object.hasOwn(ERRORS, code);

/** What a handler failed with is passed on: 502, or its own status where its code is one of ours. */
const statusOfFailure = (code: string): number => ERRORS[isErrorCode(code) ? code : "handler_failed"].status;

const runner = <K extends OperationId>(handlers: Pick<Handlers, K>, id: K): RequestHandler => {
  const { params, query, body, status } = OPERATIONS[id];
  return async (request, response) => {
    const input = {
      params: params.parse(request.params),
      query: query.parse(request.query),
      body: body.parse(request.body ?? {}),
    } as OperationInput<K>;
    const answer = await handlers[id](input);
    response
      .status(answer.ok ? status : statusOfFailure(answer.error.code))
      .json(hasBinary(answer) ? packBinary(answer) : answer);
  };
};

/** The express app of the HTTP API: one route per operation of `crds/http.ts`, its document, and refusals for the rest. */
export const createApp = (context: ApiContext, keys: () => readonly string[]): Express => {
  const { registry, refusals, log, settings } = context;
  const requests = counter(registry, {
    name: "realtime_http_requests_total",
    help: "Requests to the HTTP API, by route and status",
    labelNames: ["route", "status"] as const,
  });
  const counted =
    (route: string): RequestHandler =>
    (_request, response, next) => {
      response.on("finish", () => requests.inc({ route, status: String(response.statusCode) }));
      next();
    };
  const { payloadBytes = UNLIMITED_PAYLOAD } = settings.limits;
  // A payload may be written with escapes that make it longer than it is; its own limit is checked where it is known.
  const json = express.json({ limit: payloadBytes * 2 + 200_000, type: () => true });
  const hasKey = authenticate(keys);
  const handlers = createHandlers(context);
  const document = openapiDocument();

  const app = express().disable("x-powered-by").disable("etag");
  app.get(OPENAPI_PATH, counted(`GET ${OPENAPI_PATH}`), (_request, response) => void response.json(document));
  for (const id of Object.keys(OPERATIONS) as OperationId[]) {
    const { method, path } = OPERATIONS[id];
    app[method](path, counted(`${method.toUpperCase()} ${path}`), hasKey, json, runner(handlers, id));
  }
  app.use(counted("unknown"), hasKey, (_request, _response, next) => {
    next(new Refusal("not_found", `no such route; they are listed at ${OPENAPI_PATH}`));
  });
  app.use(
    refuse(
      (code) => refusals.count(code, "http"),
      (error) => log.error({ err: error }, "a request to the API failed"),
    ),
  );
  return app;
};
