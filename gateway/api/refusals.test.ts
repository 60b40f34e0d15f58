import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ERRORS, OPERATIONS, Refusal, refusalBody, type ErrorCode, type OperationId } from "#crds";
import { apiContext, recordingEmitter } from "../testing/api-context.ts";
import { call, type Call } from "../testing/http.ts";
import { serveApi, type ApiContext } from "./index.ts";
import type { Listening } from "./listen.ts";

const KEY = "k-1234567890";
const keys = { current: () => ({ one: "k-another", two: KEY, empty: "" }) };

const refuses = (code: ErrorCode) => () => Promise.reject(new Refusal(code));
const nothing = apiContext();

/** Edges at which something is wrong. */
const EDGES = {
  well: {},
  "no store": {
    store: {
      ledger: { get: refuses("store_unavailable") },
      presence: {
        channels: refuses("store_unavailable"),
        users: refuses("store_unavailable"),
        connections: refuses("store_unavailable"),
      },
      ids: { ...nothing.store.ids, begin: refuses("store_unavailable") },
    },
    revoke: refuses("store_unavailable"),
  },
  "no broker": {
    broker: () => ({
      depth: refuses("broker_unavailable"),
      deadLetters: refuses("broker_unavailable"),
      redrive: refuses("broker_unavailable"),
    }),
    submit: refuses("broker_unavailable"),
  },
  "broker not reached yet": { broker: () => undefined },
  "queue full": { submit: refuses("queue_full") },
  "nobody takes it": { submit: refuses("unknown_event") },
  "id of another event": { submit: refuses("id_conflict") },
  "id of another publish": {
    store: {
      ...nothing.store,
      ids: { ...nothing.store.ids, begin: async () => ({ state: "taken", event: "old", ack: 1 }) },
    },
  },
  "no answer": { submit: refuses("request_timeout") },
  "handler throws": { submit: async () => refusalBody("handler_failed") },
  "handler rejects": { submit: async () => refusalBody("rejected") },
  "handler's own code": { submit: async () => ({ ok: false, error: { code: "out_of_stock", message: "none left" } }) },
  bug: { submit: () => Promise.reject(new TypeError("secret detail")) },
  "no adapter": {
    delivery: { bus: { connected: () => false }, emitter: () => recordingEmitter([]), confirmed: async () => {} },
  },
} satisfies Record<string, Partial<ApiContext>>;

const job = { event: "chat:message", payload: 1 };
const say = { channel: "lobby", event: "news", data: 1 };
const keyed = (body?: unknown): Call => ({ key: KEY, body });

const cases: [sentence: string, edge: keyof typeof EDGES, what: string, call: Call, code: ErrorCode][] = [
  ["no key", "well", "GET /api/channels", {}, "unauthorized"],
  ["a wrong key", "well", "GET /api/channels", { key: "k-wrong" }, "unauthorized"],
  ["the beginning of a key", "well", "GET /api/channels", { key: KEY.slice(0, -1) }, "unauthorized"],
  [
    "an empty key, though a file of that kind is there",
    "well",
    "GET /api/channels",
    { headers: { authorization: "Bearer " } },
    "unauthorized",
  ],
  [
    "a key by another scheme",
    "well",
    "GET /api/channels",
    { headers: { authorization: `Basic ${KEY}` } },
    "unauthorized",
  ],
  ["no key and broken JSON: the key comes first", "well", "POST /api/jobs", { raw: "{" }, "unauthorized"],
  ["no key and an unknown route", "well", "GET /api/nothing", {}, "unauthorized"],
  ["an unknown route", "well", "GET /api/nothing", keyed(), "not_found"],
  ["an unknown method", "well", "DELETE /api/jobs", keyed(), "not_found"],
  ["a path outside of /api", "well", "GET /", keyed(), "not_found"],
  ["a path that is not encoded right", "well", "GET /api/jobs/%E0%A4%A", keyed(), "invalid_payload"],
  ["broken JSON", "well", "POST /api/jobs", { key: KEY, raw: '{"event":' }, "invalid_payload"],
  ["JSON that is no object", "well", "POST /api/jobs", { key: KEY, raw: "[]" }, "invalid_payload"],
  ["JSON that is a string", "well", "POST /api/jobs", { key: KEY, raw: '"x"' }, "invalid_payload"],
  ["no body", "well", "POST /api/jobs", keyed(), "invalid_payload"],
  [
    "an unknown charset",
    "well",
    "POST /api/jobs",
    { key: KEY, raw: "{}", headers: { "content-type": "application/json; charset=klingon" } },
    "invalid_payload",
  ],
  [
    "an unknown encoding",
    "well",
    "POST /api/jobs",
    { key: KEY, raw: "{}", headers: { "content-encoding": "lzw" } },
    "invalid_payload",
  ],
  [
    "a body far too large",
    "well",
    "POST /api/jobs",
    keyed({ event: "chat:x", payload: "x".repeat(10_000_000) }),
    "payload_too_large",
  ],
  [
    "data larger than a payload may be",
    "well",
    "POST /api/publish",
    keyed({ ...say, data: "x".repeat(999) }),
    "payload_too_large",
  ],
  ["a job without an event", "well", "POST /api/jobs", keyed({ payload: 1 }), "invalid_payload"],
  ["a job with a field that is not there", "well", "POST /api/jobs", keyed({ ...job, evnt: 1 }), "invalid_payload"],
  [
    "a job with an id that is too long",
    "well",
    "POST /api/jobs",
    keyed({ ...job, id: "x".repeat(129) }),
    "invalid_payload",
  ],
  ["a job by the name of an answer", "well", "POST /api/jobs", keyed({ event: "job:done" }), "reserved_event"],
  ["a lifecycle event as a job", "well", "POST /api/jobs", keyed({ event: "$connected" }), "reserved_event"],
  ["a job that no pool takes", "nobody takes it", "POST /api/jobs", keyed(job), "unknown_event"],
  [
    "a job with an id of another event",
    "id of another event",
    "POST /api/jobs",
    keyed({ ...job, id: "1" }),
    "id_conflict",
  ],
  ["a job while the broker is away", "no broker", "POST /api/jobs", keyed(job), "broker_unavailable"],
  ["a job for a full queue", "queue full", "POST /api/jobs", keyed(job), "queue_full"],
  ["a request that nobody answers", "no answer", "POST /api/jobs", keyed(job), "request_timeout"],
  ["a request whose handler throws", "handler throws", "POST /api/jobs", keyed(job), "handler_failed"],
  ["a request whose handler rejects", "handler rejects", "POST /api/jobs", keyed(job), "rejected"],
  ["a failure of ours", "bug", "POST /api/jobs", keyed(job), "internal"],
  ["a publish to nobody", "well", "POST /api/publish", keyed({ event: "news" }), "invalid_payload"],
  ["a publish to a channel and a user", "well", "POST /api/publish", keyed({ ...say, user: "ann" }), "invalid_payload"],
  [
    "a publish to everyone by something else than true",
    "well",
    "POST /api/publish",
    keyed({ broadcast: 1, event: "x" }),
    "invalid_payload",
  ],
  ["a publish without an event", "well", "POST /api/publish", keyed({ channel: "lobby" }), "invalid_payload"],
  ...[
    "job:done",
    "job:progress",
    "refused",
    "session",
    "subscribe",
    "publish",
    "jobs",
    "cluster",
    "$occupied",
    "connect",
    "disconnect",
    "newListener",
  ].map((event): (typeof cases)[number] => [
    `a publish of ${event}`,
    "well",
    "POST /api/publish",
    keyed({ ...say, event }),
    "reserved_event",
  ]),
  ["a publish while the adapter is away", "no adapter", "POST /api/publish", keyed(say), "delivery_unavailable"],
  [
    "a publish with an id while the adapter is away",
    "no adapter",
    "POST /api/publish",
    keyed({ ...say, id: "1" }),
    "delivery_unavailable",
  ],
  [
    "a publish with an id of another event",
    "id of another publish",
    "POST /api/publish",
    keyed({ ...say, id: "1" }),
    "id_conflict",
  ],
  ["a job that is not known", "well", "GET /api/jobs/1", keyed(), "not_found"],
  ["a job with two users", "well", "GET /api/jobs/1?user=a&user=b", keyed(), "invalid_payload"],
  ["a job while the store is away", "no store", "GET /api/jobs/1", keyed(), "store_unavailable"],
  ["channels while the store is away", "no store", "GET /api/channels", keyed(), "store_unavailable"],
  ["a channel while the store is away", "no store", "GET /api/channels/lobby", keyed(), "store_unavailable"],
  ["a channel with too long a name", "well", `GET /api/channels/${"x".repeat(201)}`, keyed(), "invalid_payload"],
  ["a user while the store is away", "no store", "GET /api/users/ann", keyed(), "store_unavailable"],
  [
    "a join while the adapter is away",
    "no adapter",
    "PUT /api/users/ann/channels/lobby",
    keyed(),
    "delivery_unavailable",
  ],
  [
    "a leave while the adapter is away",
    "no adapter",
    "DELETE /api/users/ann/channels/lobby",
    keyed(),
    "delivery_unavailable",
  ],
  [
    "a disconnect while the adapter is away",
    "no adapter",
    "DELETE /api/users/ann/connections",
    keyed(),
    "delivery_unavailable",
  ],
  ["a revocation of nothing", "well", "POST /api/revocations", keyed({}), "invalid_payload"],
  [
    "a revocation of a token and a user",
    "well",
    "POST /api/revocations",
    keyed({ jti: "1", user: "ann" }),
    "invalid_payload",
  ],
  [
    "a revocation of a token before a time",
    "well",
    "POST /api/revocations",
    keyed({ jti: "1", before: 5 }),
    "invalid_payload",
  ],
  [
    "a revocation while the store is away",
    "no store",
    "POST /api/revocations",
    keyed({ jti: "1" }),
    "store_unavailable",
  ],
  ["pools while the broker is away", "no broker", "GET /api/pools", keyed(), "broker_unavailable"],
  ["pools before the broker was reached", "broker not reached yet", "GET /api/pools", keyed(), "broker_unavailable"],
  ["dead letters of no pool", "well", "GET /api/pools/nosuch/dead", keyed(), "not_found"],
  ["dead letters with a limit of none", "well", "GET /api/pools/chat/dead?limit=0", keyed(), "invalid_payload"],
  ["dead letters while the broker is away", "no broker", "GET /api/pools/chat/dead", keyed(), "broker_unavailable"],
  ["a redrive of no pool", "well", "POST /api/pools/nosuch/dead/redrive", keyed({}), "not_found"],
  ["a redrive of no ids", "well", "POST /api/pools/chat/dead/redrive", keyed({ ids: [] }), "invalid_payload"],
  [
    "a redrive of far too many",
    "well",
    "POST /api/pools/chat/dead/redrive",
    keyed({ ids: ["x".repeat(1_000_000)] }),
    "payload_too_large",
  ],
  [
    "a redrive while the broker is away",
    "no broker",
    "POST /api/pools/chat/dead/redrive",
    keyed({}),
    "broker_unavailable",
  ],
];

/** Whether `what` ("GET /api/jobs/1") is a request of the operation. */
const isOf = ({ method, path }: (typeof OPERATIONS)[OperationId], what: string): boolean =>
  new RegExp(`^${method.toUpperCase()} ${path.replaceAll(/:\w+/g, "[^/]+")}(\\?|$)`).test(what);

const documented = (Object.keys(OPERATIONS) as OperationId[]).flatMap((id) =>
  OPERATIONS[id].refusals.map((code): [OperationId, ErrorCode] => [id, code]),
);

describe("refusals of the HTTP API", () => {
  const served = new Map<string, Listening>();
  beforeAll(async () => {
    for (const [edge, over] of Object.entries(EDGES))
      served.set(edge, await serveApi(apiContext([], over), { host: "127.0.0.1", port: 0, keys }));
  });
  afterAll(async () => {
    for (const api of served.values()) await api[Symbol.asyncDispose]();
  });
  const portOf = (edge: keyof typeof EDGES) => served.get(edge)?.port ?? 0;

  test.each(cases)("%s (%s)", async (_sentence, edge, what, sent, code) => {
    const { status, body } = await call(portOf(edge), what, sent);
    expect(body).toMatchObject({ ok: false, error: { code } });
    expect(JSON.stringify(body)).toContain(ERRORS[code].message);
    expect(JSON.stringify(body)).not.toContain("secret");
    expect(status).toBe(ERRORS[code].status);
  });

  test.each(documented)("%s is documented to answer %s, and a case above sees it", (id, code) => {
    expect(cases.some(([, , what, , seen]) => seen === code && isOf(OPERATIONS[id], what))).toBe(true);
  });

  test("a handler's own code is passed on, as 502", async () => {
    expect(await call(portOf("handler's own code"), "POST /api/jobs", keyed(job))).toEqual({
      status: 502,
      body: { ok: false, error: { code: "out_of_stock", message: "none left" } },
    });
  });

  test("a message says where and what", async () => {
    const { body } = await call(portOf("well"), "POST /api/publish", keyed({ channel: "lobby", event: 5, extra: 1 }));
    expect(body).toMatchObject({ error: { message: expect.stringMatching(/event: .*string.*extra/) } });
  });
});
