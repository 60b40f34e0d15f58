import { randomUUID } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { KubeConfig } from "@kubernetes/client-node";
import { keyOf, type KubeObject } from "../object.ts";

type Change = { type: "ADDED" | "MODIFIED" | "DELETED"; object: KubeObject; version: number };

interface Stream {
  response: http.ServerResponse;
  namespace: string | undefined;
  /** Sends nothing more and does not end. */
  dead: boolean;
}

/** How a request may be answered instead. `hang`: not at all. */
export type Fault = { status: number; retryAfter?: number } | "hang" | "cut";

/** ConfigMaps over HTTP as an API server has them, and all that can happen on the way. */
export interface FakeApiServer extends AsyncDisposable {
  config: KubeConfig;
  objects(): KubeObject[];
  put(namespace: string, name: string, data: Record<string, string>): void;
  remove(namespace: string, name: string): void;
  /** The next change reaches nobody who watches. */
  swallow(): void;
  /** Every place before now is too old. */
  compact(): void;
  bookmark(): void;
  /** Watches end: in order, within a line, with an ERROR event of that code. */
  cut(how: "in order" | "within a line" | number): void;
  /** Watches stay open and nothing comes any more, as when the other end lost its power. */
  freeze(): void;
  /** While away, connections are closed as they come. */
  away(yes: boolean): void;
  /** The next requests (that are a watch, or are not, or any) meet these, one each. */
  fail(faults: readonly Fault[], which?: "watch" | "list"): void;
  /** Requests so far: `GET /api/v1/configmaps?limit=500`. */
  readonly requests: readonly string[];
  watchers(): number;
}

const CONFIG_MAPS = /^\/api\/v1(?:\/namespaces\/([^/]+))?\/configmaps$/;

export const startFakeApiServer = async ({ pageSize = 500 } = {}): Promise<FakeApiServer> => {
  const state = new Map<string, KubeObject>();
  const history: Change[] = [];
  const streams = new Set<Stream>();
  const requests: string[] = [];
  const faults: { fault: Fault; which: "watch" | "list" | undefined }[] = [];
  let version = 1;
  let oldest = 1;
  let swallowing = false;
  let isAway = false;

  const line = (value: unknown) => `${JSON.stringify(value)}\n`;
  const status = (code: number) => ({ kind: "Status", code, reason: `Reason${code}`, message: `said ${code}` });
  const send = (stream: Stream, { type, object }: Change) => {
    if (stream.dead || (stream.namespace !== undefined && stream.namespace !== object.metadata.namespace)) return;
    stream.response.write(line({ type, object }));
  };
  const record = (type: Change["type"], object: KubeObject): void => {
    const change = { type, object, version };
    history.push(change);
    if (!swallowing) for (const stream of streams) send(stream, change);
    swallowing = false;
  };

  const answer = (response: http.ServerResponse, code: number, body: object, headers = {}) =>
    void response.writeHead(code, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));

  const watch = (response: http.ServerResponse, namespace: string | undefined, query: URLSearchParams): void => {
    const from = Number(query.get("resourceVersion"));
    response.writeHead(200).flushHeaders();
    if (from < oldest) return void response.end(line({ type: "ERROR", object: status(410) }));
    const stream: Stream = { response, namespace, dead: false };
    streams.add(stream);
    response.on("close", () => streams.delete(stream));
    const end = () => (streams.delete(stream), response.end());
    const timer = setTimeout(end, Number(query.get("timeoutSeconds")) * 1000);
    response.on("close", () => clearTimeout(timer));
    for (const change of history) if (change.version > from) send(stream, change);
  };
  const list = (response: http.ServerResponse, namespace: string | undefined, query: URLSearchParams): void => {
    const [at, start] = (query.get("continue") ?? `${version}:0`).split(":").map(Number);
    if (at === undefined || start === undefined || at < oldest) return answer(response, 410, status(410));
    // Pages of one list show one moment.
    const then = new Map<string, KubeObject>();
    for (const { type, object, version } of history) {
      if (version > at) break;
      if (type === "DELETED") then.delete(keyOf(object.metadata));
      else then.set(keyOf(object.metadata), object);
    }
    const all = [...then.values()].filter(
      ({ metadata }) => namespace === undefined || metadata.namespace === namespace,
    );
    const end = start + Math.min(pageSize, Number(query.get("limit")));
    const more = end < all.length ? { continue: `${at}:${end}` } : {};
    const items = all.slice(start, end).map(({ metadata, data }) => ({ metadata, data }));
    answer(response, 200, { kind: "ConfigMapList", metadata: { resourceVersion: String(at), ...more }, items });
  };

  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://fake");
    requests.push(`${request.method} ${url.pathname}${url.search}`);
    const isWatch = url.searchParams.has("watch");
    const scope = CONFIG_MAPS.exec(url.pathname);
    const which = isWatch ? "watch" : "list";
    const next = scope === null ? -1 : faults.findIndex((it) => it.which === undefined || it.which === which);
    const fault = next < 0 ? undefined : faults.splice(next, 1)[0]?.fault;
    if (fault === "hang") return;
    if (fault === "cut") return void request.socket.destroy();
    if (fault !== undefined) {
      const headers = fault.retryAfter === undefined ? {} : { "retry-after": String(fault.retryAfter) };
      return answer(response, fault.status, status(fault.status), headers);
    }
    if (url.pathname === "/api/v1") {
      const resources = [{ name: "configmaps", kind: "ConfigMap", namespaced: true }];
      return answer(response, 200, { kind: "APIResourceList", resources });
    }
    if (scope === null) return answer(response, 404, status(404));
    (isWatch ? watch : list)(response, scope[1], url.searchParams);
  });
  server.on("connection", (socket) => isAway && socket.destroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: "fake", server: `http://127.0.0.1:${address.port}`, skipTLSVerify: true },
    { name: "nobody" },
  );

  return {
    config,
    requests,
    objects: () => [...state.values()],
    put: (namespace, name, data) => {
      version++;
      const before = state.get(`${namespace}/${name}`);
      const uid = before?.metadata.uid ?? randomUUID();
      const metadata = { name, namespace, uid, resourceVersion: String(version), managedFields: [{ manager: "test" }] };
      const object = { apiVersion: "v1", kind: "ConfigMap", metadata, data };
      state.set(`${namespace}/${name}`, object);
      record(before === undefined ? "ADDED" : "MODIFIED", object);
    },
    remove: (namespace, name) => {
      const before = state.get(`${namespace}/${name}`);
      if (before === undefined) return;
      version++;
      state.delete(`${namespace}/${name}`);
      record("DELETED", { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } });
    },
    swallow: () => void (swallowing = true),
    compact: () => void (oldest = version),
    bookmark: () => {
      const object = { kind: "ConfigMap", apiVersion: "v1", metadata: { resourceVersion: String(version) } };
      for (const { response, dead } of streams) if (!dead) response.write(line({ type: "BOOKMARK", object }));
    },
    cut: (how) => {
      for (const stream of [...streams].filter(({ dead }) => !dead)) {
        const { response } = stream;
        streams.delete(stream);
        if (how === "within a line") response.write(`{"type":"MODIFIED","object":{"metad`, () => response.destroy());
        else response.end(how === "in order" ? undefined : line({ type: "ERROR", object: status(how) }));
      }
    },
    freeze: () => {
      for (const stream of streams) stream.dead = true;
    },
    away: (yes) => {
      isAway = yes;
      if (yes) server.closeAllConnections();
    },
    fail: (more, which) => void faults.push(...more.map((fault) => ({ fault, which }))),
    watchers: () => streams.size,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
};
