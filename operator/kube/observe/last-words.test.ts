import { describe, expect, test } from "@jest/globals";
import { cut, lastWords, sentence } from "./last-words.ts";

const pinoLine = (fields: object) =>
  JSON.stringify({ level: "fatal", time: "2026-01-01T00:00:00.000Z", role: "worker", instance: "w-1", ...fields });
const stack = (message: string, frames = 6) =>
  [
    `Error: ${message}`,
    ...Array.from({ length: frames }, (_, i) => `    at step${i} (/opt/realtime/worker/main.ts:${i}:1)`),
  ].join("\n");

describe("the last words of a container are", () => {
  const table: [string, string | undefined, unknown][] = [
    ["nothing where it said nothing", undefined, undefined],
    ["nothing where it said blanks", "\n  \n", undefined],
    ["a plain last line", "starting\nbye\n", "bye"],
    [
      "the last complaint, before what follows it",
      "redis away\nError: no database\ncleaning up\n",
      "Error: no database",
    ],
    [
      "the message of our last error, with its cause and its short fields",
      [
        pinoLine({ level: "info", msg: "ready" }),
        pinoLine({
          err: { message: "no such file\nsecond line", stack: stack("x") },
          file: "/app/handlers.ts",
          msg: "handlers",
        }),
        pinoLine({ level: "info", msg: "stopping" }),
      ].join("\n"),
      "handlers: no such file file=/app/handlers.ts",
    ],
    [
      "without the words that every failed start has",
      pinoLine({ err: { message: "HANDLERS is missing" }, msg: "cannot start" }),
      "HANDLERS is missing",
    ],
    [
      "our last line where none is an error",
      pinoLine({ level: "info", msg: "one" }) + "\n" + pinoLine({ level: "info", msg: "two" }),
      "two",
    ],
    [
      "what node prints of an error that nobody caught",
      `file:///app/handlers.ts:3\nthrow new TypeError("no url");\n      ^\n\nTypeError: no url\n    at file:///app/handlers.ts:3:7\n    at run {\n  code: 'X'\n}\n\nNode.js v24.1.0\n`,
      "TypeError: no url",
    ],
    [
      "what node prints of a module that is missing",
      `node:internal/modules/esm/resolve:1\n    throw new ERR_MODULE_NOT_FOUND(\n          ^\n\nError [ERR_MODULE_NOT_FOUND]: Cannot find module '/app/nope.ts' imported from /opt/realtime/\n    at finalizeResolution (node:internal/x:1:1) {\n  code: 'ERR_MODULE_NOT_FOUND'\n}\n\nNode.js v24.1.0`,
      "Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/app/nope.ts' imported from /opt/realtime/",
    ],
    ["without colours", "\u001b[31mError:\u001b[0m it is red", "Error: it is red"],
    ["one line, without control characters", "failed\u0000 to\tstart\u0007 it", "failed to start it"],
    ["JSON of somebody else as it is", '{"error":"boom"}', '{"error":"boom"}'],
    ["not an array, a number, or null of JSON", "null\n12\n", "12"],
    [
      "what is left of our line where the kubelet cut its beginning",
      `e.ts:1:1)\\n    at ${"x".repeat(2000)}\\ncaused by: Error: connect ECONNREFUSED 10.0.0.1:5672\\n    at y"},"msg":"cannot start"}`,
      "connect ECONNREFUSED 10.0.0.1:5672",
    ],
    [
      "the stack's first line where our line is cut before it",
      `x","message":"half a${"y".repeat(1000)}","stack":"Error: environment: POOL is missing\\n    at ${"x".repeat(1000)}"},"msg":"cannot start"}`.slice(
        30,
      ),
      "environment: POOL is missing",
    ],
    [
      "the end of the message where our line is cut in it",
      `hunter2@host is ${"far ".repeat(10)}away","stack":["${"x".repeat(2000)}"]},"msg":"cannot start"}`,
      `is ${"far ".repeat(10)}away`,
    ],
    ["not the cut half of a word", `hunter2@host is away ${"y ".repeat(1100)}`, expect.stringMatching(/^is away y y/)],
    ["whole lines where the first is cut", `hunter2@host ${"y".repeat(2100)}\nError: gone`, "Error: gone"],
  ];
  test.each(table)("%s", (_name, tail, words) => {
    expect(lastWords(tail)).toEqual(words);
  });
});

describe("a sentence has no secrets:", () => {
  const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-DEF_123";
  const random = "vT9xQ2mL7pZk4RwYh1Ns8BdFc3JgUe6A";
  const table: [string, string, string][] = [
    ["a password in a URI", "amqp://user:hunter2@rabbit:5672 refused", "amqp://user:***@rabbit:5672 refused"],
    ["a password with an @ in it", "redis://:p@ss:w/rd@redis:6379/0 away", "redis://:***@redis:6379/0 away"],
    ["two URIs", "amqp://a:b@c and amqp://d:e@f", "amqp://a:***@c and amqp://d:***@f"],
    ["a token instead of a user", "https://ghp_abcdefghijklmnop@github.com/x", "https://***@github.com/x"],
    [
      "a URI without one stays",
      "dial tcp: https://registry-1.docker.io/v2/",
      "dial tcp: https://registry-1.docker.io/v2/",
    ],
    ["a bearer token", "authorization: Bearer abcdef0123456789", "authorization: Bearer ***"],
    ["a JWT", `token ${jwt} has expired`, "token *** has expired"],
    ["a JWT that is cut", "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIi", "token ***"],
    ["password=", "cannot connect password=hunter2 host=x", "cannot connect password=*** host=x"],
    ["a variable", "REDIS_PASSWORD=hunter2, PORT=1", "REDIS_PASSWORD=***, PORT=1"],
    ["a quoted password with blanks", 'password="two words" host=x', 'password="***" host=x'],
    ["JSON", '{"password":"hunter2","port":1}', '{"password":"***","port":1}'],
    ["JSON in a string of JSON", String.raw`"{\"apiKey\":\"hunter2\"}"`, String.raw`"{\"apiKey\":\"***\"}"`],
    ["what node inspects", "{ user: 'a', password: 'hunter2' }", "{ user: 'a', password: '***' }"],
    ["a quote that never ends", "password='hunter2 and", "password='***"],
    ["a password in prose", "password: correcthorse is wrong", "password: *** is wrong"],
    ["a flag", "run --api-key abcdef --port 1", "run --api-key *** --port 1"],
    [
      "a Redis command",
      "{ command: { name: 'auth', args: [ 'user', 'hunter2' ] } }",
      "{ command: { name: 'auth', args: [***] } }",
    ],
    ["a private key", "key -----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- end", "key *** end"],
    ["a private key that is cut", "key -----BEGIN PRIVATE KEY-----\nabc", "key ***"],
    ["a long random word", `key ${random} refused`, "key *** refused"],
    ["a long random word with slashes", `key ${random}/aB3/dE5+gH7== refused`, "key *** refused"],
    ["a long hexadecimal word", `key ${"0a1b2c3d".repeat(5)} refused`, "key *** refused"],
    ["an image's digest stays", `img@sha256:${"0a1b2c3d".repeat(8)}`, `img@sha256:${"0a1b2c3d".repeat(8)}`],
    [
      "a path stays",
      "no /opt/realtime/node_modules/@socket.io/redis-adapter/dist/V2HandlersFor2",
      "no /opt/realtime/node_modules/@socket.io/redis-adapter/dist/V2HandlersFor2",
    ],
    ["a pod's name stays", "chat-gateway-1a2b3c4d-5f6g7h8i9-abcde", "chat-gateway-1a2b3c4d-5f6g7h8i9-abcde"],
    ["Kubernetes' words stay", 'secret "chat-jwt" not found', 'secret "chat-jwt" not found'],
    [
      "a missing key's name stays",
      "references non-existent secret key: url",
      "references non-existent secret key: url",
    ],
    ["an unexpected token stays", "Unexpected token: }", "Unexpected token: }"],
  ];
  test.each(table)("%s", (_name, text, said) => {
    expect(sentence(text)).toBe(said);
  });

  test.each([
    ["a word without end", "a".repeat(1_000_000)],
    ["words that begin like a secret", "passwordpassword".repeat(50_000)],
    ["quotes that never end", `password="'`.repeat(50_000)],
    ["schemes that never end", "a://b:".repeat(50_000)],
    ["backslashes", `"msg":"${"\\".repeat(100_000)}`],
  ])("and is found in no time in %s", (_name, text) => {
    const before = performance.now();
    sentence(text);
    lastWords(text.slice(-4096));
    expect(performance.now() - before).toBeLessThan(500);
  });

  test("not even in the part that a cut leaves", () => {
    const said = sentence(`${"x ".repeat(120)}amqp://user:hunter2@rabbit`);
    expect(said).not.toContain("hunter2");
    expect(said.length).toBeLessThanOrEqual(256);
  });
});

describe("a text is cut", () => {
  test.each([
    ["not at all where it fits", "a".repeat(256), 256],
    ["to the limit", "a".repeat(300), 256],
    ["between surrogates", "😀".repeat(200), 255],
    ["between what a reader sees as one", "👩‍👩‍👧‍👦".repeat(40), 254],
    ["in combined letters", "e\u0301".repeat(200), 255],
  ])("%s", (_name, text, length) => {
    const said = cut(text);
    expect(said.length).toBe(length);
    expect(said.isWellFormed()).toBe(true);
  });
});
