import { describe, expect, test } from "@jest/globals";
import { parseRealtimeCluster } from "#crds";
import { requestHeaders, hasBody, responseHeaders, upgradeBytes } from "./headers.ts";
import { prove, readHello, readWelcome, writeHello, writeWelcome } from "./handshake.ts";
import { recentKeys } from "./keys.ts";
import { newNumber, numberOf } from "./session-id.ts";
import { clientBehind } from "./trusted-proxies.ts";

describe("a session's id names its gateway", () => {
  test("by its first eight characters, which are random", () => {
    const number = newNumber();
    expect(number).toMatch(/^[A-Za-z0-9_-]{8}$/);
    expect(newNumber()).not.toBe(number);
    expect(numberOf(`${number}aZ09-_aZ09-_aZ09-_aa`)).toBe(number);
  });
  test.each([["x"], ["AAAAAAAA"], ["127.0.0.1:6379/abcdef"], ["AAAA AAAAAAAA"], ["äAAAAAAAAAAAA"]])(
    "%s does not",
    (id) => {
      expect(numberOf(id)).toBeUndefined();
    },
  );
});

describe("headers over the hop", () => {
  const client = { address: "10.0.0.1", port: 5 };
  const cases: [string, string[], string[]][] = [
    [
      "pass in their order and spelling, also twice",
      ["HOST", "a", "cookie", "1", "Cookie", "2"],
      ["HOST", "a", "cookie", "1", "Cookie", "2"],
    ],
    [
      "of the connection do not pass",
      ["Connection", "close", "Keep-Alive", "1", "TE", "trailers", "Expect", "100-continue", "Upgrade", "h2c"],
      [],
    ],
    [
      "a client's claim of who it is does not pass",
      ["X-Realtime-Client", "6.6.6.6 1", "x-realtime-client", "6.6.6.6 1"],
      [],
    ],
    [
      "a body in chunks stays one, of whatever method",
      ["Transfer-Encoding", "gzip, chunked"],
      ["Transfer-Encoding", "chunked"],
    ],
  ];
  test.each(cases)("%s", (_that, raw, passed) => {
    expect(requestHeaders(raw, client)).toEqual([...passed, "x-realtime-client", "10.0.0.1 5"]);
  });
  test("a body is there where its length or its chunks are told", () => {
    expect(
      [
        ["Content-Length", "0"],
        ["transfer-encoding", "chunked"],
        ["Host", "content-length"],
      ].map(hasBody),
    ).toEqual([true, true, false]);
  });
  test("an answer's pass but for those of the connection", () => {
    const raw = [
      "Date",
      "now",
      "Connection",
      "keep-alive",
      "Set-Cookie",
      "a",
      "Set-Cookie",
      "b",
      "Transfer-Encoding",
      "chunked",
    ];
    expect(responseHeaders(raw)).toEqual(["Date", "now", "Set-Cookie", "a", "Set-Cookie", "b"]);
  });
  test("an upgrade's all pass, with what came right behind", () => {
    const request = {
      method: "GET",
      url: "/socket.io/?sid=1",
      httpVersion: "1.1",
      rawHeaders: ["Upgrade", "websocket", "X-Realtime-Client", "6.6.6.6 1", "X", "ü"],
    };
    expect(upgradeBytes(request, client, Buffer.from([0, 255])).toString("latin1")).toBe(
      "GET /socket.io/?sid=1 HTTP/1.1\r\nUpgrade: websocket\r\nX: ü\r\nx-realtime-client: 10.0.0.1 5\r\n\r\n\0\xff",
    );
  });
});

describe("the handshake of a link", () => {
  const hello = { nonce: "n".repeat(24), number: "AAAAAAAA", port: 3005 };
  const welcome = { number: "BBBBBBBB", nonce: "m".repeat(24), proofs: ["one", "two"] };
  test("what is written is read", () => {
    expect(readHello(writeHello(hello).trimEnd())).toEqual(hello);
    expect(readWelcome(writeWelcome(welcome).trimEnd())).toEqual(welcome);
  });
  test.each([
    ["GET / HTTP/1.1"],
    ["realtime-link/2 nnnnnnnnnnnnnnnnnnnn AAAAAAAA 1"],
    ["realtime-link/1 short AAAAAAAA 1"],
    ["realtime-link/1 nnnnnnnnnnnnnnnnnnnn AAAAAAAA 65536"],
  ])("%s is no hello", (line) => expect(readHello(line)).toBeUndefined());
  test("a proof is of one key, one side and one link", () => {
    const proofs = [
      prove("key", "called", hello, welcome),
      prove("other", "called", hello, welcome),
      prove("key", "caller", hello, welcome),
      prove("key", "called", { ...hello, nonce: "o".repeat(24) }, welcome),
      prove("key", "called", { ...hello, port: 1 }, welcome),
      prove("key", "called", hello, { ...welcome, number: "CCCCCCCC" }),
    ];
    expect(new Set(proofs).size).toBe(proofs.length);
  });
});

test("a key that was changed holds for two minutes more, an empty one never", () => {
  let now = 0;
  let change: (next: string) => void = () => undefined;
  const secret = {
    current: () => "first",
    onChange: (listener: (next: string) => void) => {
      change = listener;
      return { [Symbol.dispose]: () => undefined };
    },
  };
  using it = recentKeys(secret, () => now);
  expect(it.keys()).toEqual(["first"]);
  change("second");
  now = 119_999;
  expect(it.keys()).toEqual(["second", "first"]);
  now = 120_000;
  expect(it.keys()).toEqual(["second"]);
  change("");
  expect(it.keys()).toEqual(["second"]);
  now = 1_000_000;
  expect(it.keys()).toEqual([]);
});

describe("the client's address behind proxies", () => {
  const behind = clientBehind(["10.0.0.0/8", "192.168.1.1", "fd00::/8"]);
  const cases: [string, string, string | undefined, string][] = [
    ["the connection's where it is no proxy's, whatever it says", "1.2.3.4", "9.9.9.9", "1.2.3.4"],
    ["what a proxy says", "10.1.2.3", "1.2.3.4", "1.2.3.4"],
    ["the last that is no proxy", "10.1.2.3", "6.6.6.6, 1.2.3.4, 10.0.0.9,192.168.1.1", "1.2.3.4"],
    ["the first of a way of proxies alone", "10.1.2.3", "10.0.0.8, 10.0.0.9", "10.0.0.8"],
    ["the proxy's where it says nothing", "10.1.2.3", undefined, "10.1.2.3"],
    ["the proxy's where it says what is no address", "10.1.2.3", "unknown", "10.1.2.3"],
    ["without its port", "10.1.2.3", "1.2.3.4:5678", "1.2.3.4"],
    ["IPv6, in brackets too", "fd00::1", "[2001:db8::1]:443", "2001:db8::1"],
    ["IPv4 written as IPv6", "::ffff:10.1.2.3", "1.2.3.4", "1.2.3.4"],
    ["the connection's where it is not known", "", "1.2.3.4", ""],
  ];
  test.each(cases)("%s", (_is, address, header, client) => {
    expect(behind(address, header)).toBe(client);
  });

  test.each([["10.0.0.0/33"], ["300.0.0.1"], ["fd00::/129"], ["proxy.example.com"], [""]])(
    "%p is refused, with the field",
    (range) => {
      const parsed = parseRealtimeCluster({
        apiVersion: "realtimecluster.dev/v1alpha1",
        kind: "RealtimeCluster",
        metadata: { name: "chat" },
        spec: { gateway: { trustedProxies: ["10.0.0.0/8", range] } },
      });
      expect(parsed).toMatchObject({
        ok: false,
        problems: [
          {
            path: "spec.gateway.trustedProxies[1]",
            message: expect.stringContaining("a range of addresses such as 10.0.0.0/8"),
          },
        ],
      });
    },
  );
});
