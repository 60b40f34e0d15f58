import http from "node:http";
import https from "node:https";
import { setTimeout as wait } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import type { Registry } from "prom-client";
import { counter, type Log } from "#process";
import type { ApiError } from "./client.ts";
import { parseRefusal } from "./parse.ts";
import type { TokenBucket } from "./token-bucket.ts";

const MAX_TRIES = 5;
const MAX_RETRY_AFTER_MS = 30_000;

export interface Call {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  query?: Record<string, string | undefined>;
  body?: object;
  contentType?: string;
  signal?: AbortSignal;
}

/** HTTP to the API server: authenticated, paced, counted, every request with an end. Disposing cuts what is under way. */
export interface Transport extends AsyncDisposable {
  /** The answer's JSON. Rejects with `ApiError` for any status but 2xx; 429 is tried again, at most 5 times in all. */
  call(call: Call): Promise<unknown>;
  /** An answer that goes on, line by line. Throws when it is cut within a line, silent for `silentAfterMs`, or refused. */
  lines(call: Call, options: { silentAfterMs: number; signal: AbortSignal }): AsyncGenerator<unknown, void>;
}

export interface TransportOptions {
  config: KubeConfig;
  bucket: TokenBucket;
  timeoutMs: number;
  log: Log;
  registry: Registry;
  userAgent: string;
}

const pathOf = (base: URL, { path, query = {} }: Call): string => {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const search = new URLSearchParams(given).toString();
  return `${base.pathname.replace(/\/$/, "")}${path}${search === "" ? "" : `?${search}`}`;
};

const textOf = async (response: http.IncomingMessage): Promise<string> => {
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += String(chunk);
  return text;
};

const refusal = (response: http.IncomingMessage, text: string): ApiError => {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    said = undefined;
  }
  return parseRefusal(said, response.statusCode ?? 0);
};

const retryAfterMs = ({ headers }: http.IncomingMessage): number =>
  Math.min(MAX_RETRY_AFTER_MS, Math.max(0, Number(headers["retry-after"] ?? 1) * 1000 || 0));

/**
 * Takes the credentials from client-node's `KubeConfig` (files are read again as they are rotated) and sends over a pool of its own:
 * the agents that `KubeConfig` makes (2.0.1) open a connection for each request.
 */
export const openTransport = (options: TransportOptions): Transport => {
  const { config, bucket, timeoutMs, log, registry, userAgent } = options;
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error("the kubeconfig has no current cluster");
  const base = new URL(cluster.server);
  const secure = base.protocol === "https:";
  // Shorter than the 90 s after which the API server closes an idle connection, so that no request meets the closing.
  const pool = { keepAlive: true, keepAliveMsecs: 30_000, timeout: 60_000 };
  const agent = secure ? new https.Agent(pool) : new http.Agent(pool);
  const underWay = new Set<AbortController>();
  let closed: Error | undefined;
  const requests = counter(registry, {
    name: "rest_client_requests_total",
    help: "Requests to the API server, by status code, method and host.",
    labelNames: ["code", "method", "host"],
  });

  const send = async (call: Call, signal: AbortSignal): Promise<http.IncomingMessage> => {
    const payload = call.body === undefined ? undefined : JSON.stringify(call.body);
    const request: https.RequestOptions = {
      method: call.method,
      protocol: base.protocol,
      hostname: base.hostname.replace(/^\[|\]$/g, ""),
      port: base.port,
      path: pathOf(base, call),
      signal,
      headers: {
        Accept: "application/json",
        "User-Agent": userAgent,
        ...(payload === undefined
          ? {}
          : {
              "Content-Type": call.contentType ?? "application/json",
              "Content-Length": String(Buffer.byteLength(payload)),
            }),
      },
    };
    await config.applyToHTTPSOptions(request);
    if (cluster.proxyUrl === undefined) request.agent = agent;
    let code = "<error>";
    try {
      const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
        const outgoing = (secure ? https : http).request(request, resolve);
        outgoing.on("error", reject);
        outgoing.end(payload);
      });
      code = String(response.statusCode);
      return response;
    } finally {
      requests.inc({ code, method: call.method, host: base.host });
    }
  };

  /** A signal that goes off after `limitMs` (until refreshed), with `outer`, or when the transport is closed. */
  const limit = (limitMs: number, why: string, outer?: AbortSignal) => {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(new Error(why)), limitMs);
    const cut = () => abort.abort(outer?.reason);
    outer?.addEventListener("abort", cut);
    underWay.add(abort);
    if (closed !== undefined) abort.abort(closed);
    return {
      signal: abort.signal,
      refresh: () => void timer.refresh(),
      [Symbol.dispose]: () => {
        clearTimeout(timer);
        outer?.removeEventListener("abort", cut);
        underWay.delete(abort);
        abort.abort();
      },
    };
  };

  const answer = async (call: Call, late: string) => {
    using limits = limit(timeoutMs, late, call.signal);
    try {
      const response = await send(call, limits.signal);
      return { response, text: await textOf(response) };
    } catch (error) {
      throw limits.signal.aborted ? limits.signal.reason : error;
    }
  };

  return {
    async call(call) {
      const what = `${call.method} ${call.path}`;
      for (let tries = 1; ; tries++) {
        await wait(bucket.reserve(), undefined, { signal: call.signal });
        const { response, text } = await answer(call, `${what}: no answer within ${timeoutMs} ms`);
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) return JSON.parse(text);
        if (status !== 429 || tries === MAX_TRIES) throw refusal(response, text);
        log.debug({ what, tries }, "the API server asks to come back later");
        await wait(retryAfterMs(response), undefined, { signal: call.signal });
      }
    },

    async *lines(call, { silentAfterMs, signal }) {
      const what = `${call.method} ${call.path}`;
      await wait(bucket.reserve(), undefined, { signal });
      using limits = limit(silentAfterMs, `${what}: nothing arrived for ${silentAfterMs} ms`, signal);
      try {
        const response = await send(call, limits.signal);
        if (response.statusCode !== 200) throw refusal(response, await textOf(response));
        let rest = "";
        for await (const chunk of response.setEncoding("utf8")) {
          limits.refresh();
          const lines = `${rest}${String(chunk)}`.split("\n");
          rest = lines.pop() ?? "";
          for (const line of lines) yield JSON.parse(line);
        }
        if (rest !== "") throw new Error(`${what}: cut within a line`);
      } catch (error) {
        throw limits.signal.aborted ? limits.signal.reason : error;
      }
    },

    async [Symbol.asyncDispose]() {
      closed = new Error("the client is closed");
      for (const abort of underWay) abort.abort(closed);
      agent.destroy();
    },
  };
};
