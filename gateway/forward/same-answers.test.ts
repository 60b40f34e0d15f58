import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Server } from "socket.io";
import { eventually, sharedServer } from "#testing";
import echo, { options } from "./testing/echo-app.ts";
import { startGateways, type Gateways } from "./testing/gateways.ts";
import {
  CLOSE_FRAME,
  endQuickly,
  frame,
  openRaw,
  openSession,
  requestText,
  upgradeText,
  type Ask,
  type Raw,
} from "./testing/raw.ts";

const HEARTBEAT = "60000";
let gateways: Gateways;
let plain: Server;
let plainPort: number;
beforeAll(async () => {
  gateways = await startGateways(3, (await sharedServer("redis")).uri, { PING_INTERVAL: HEARTBEAT });
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  plain = new Server(server, { ...options, pingInterval: Number(HEARTBEAT) });
  endQuickly(plain.engine);
  echo(plain);
  plainPort = (server.address() as AddressInfo).port;
}, 60_000);
afterAll(async () => {
  await plain.close();
  await gateways[Symbol.asyncDispose]();
});

/** What a session meets: each request goes to the next port, and none to the one that began it where there are more. */
interface Meeting {
  sid: string;
  /** Sends a request on a connection of its own and resolves with all that is answered. */
  ask(what: Ask | string): Promise<string>;
  /** Opens a connection and writes. */
  open(first: string | Buffer): Promise<Raw>;
}

const meet = async (ports: readonly number[]): Promise<Meeting> => {
  let turn = 0;
  const [owner = 0, ...others] = ports;
  const next = () => others[turn++ % others.length] ?? owner;
  const sid = await openSession(owner);
  const open: Meeting["open"] = (first) => openRaw(next(), first);
  return {
    sid,
    open,
    ask: async (what) => {
      using raw = await open(
        typeof what === "string"
          ? what
          : requestText({ query: `&sid=${sid}`, ...what, headers: ["Connection: close", ...(what.headers ?? [])] }),
      );
      return await raw.ended;
    },
  };
};

/** Bytes as they were, but for the time and the session. */
const comparable = (text: string, sid: string): string =>
  text
    .replaceAll(sid, "<sid>")
    .replaceAll(/Date: [^\r]*/g, "Date: now")
    .replaceAll(/"sid":"[^"]*"/g, '"sid":"…"');

const hello: Ask = { method: "POST", body: "40" };
const poll: Ask = {};
const event: Ask = { method: "POST", body: '42["fetch",3]' };

const talks: [string, (meeting: Meeting) => Promise<string[]>][] = [
  [
    "a post and a poll",
    async ({ ask }) => [
      await ask(hello),
      await ask(poll),
      await ask({ method: "POST", body: '42["echo",1]' }),
      await ask(poll),
    ],
  ],
  [
    "a poll that waits",
    async ({ ask }) => {
      const said = [await ask(hello), await ask(poll)];
      const waiting = ask(poll);
      said.push(await ask(event));
      return [...said, await waiting];
    },
  ],
  [
    "a page of another site",
    async ({ ask }) => [
      await ask({ ...hello, headers: ["Origin: https://page.example"] }),
      await ask({ headers: ["Origin: https://page.example"] }),
    ],
  ],
  [
    "a preflight",
    async ({ ask }) => [
      await ask({
        method: "OPTIONS",
        headers: [
          "Origin: https://page.example",
          "Access-Control-Request-Method: POST",
          "Access-Control-Request-Headers: x-one",
        ],
      }),
    ],
  ],
  ["an old browser's callback", async ({ ask, sid }) => [await ask(hello), await ask({ query: `&sid=${sid}&j=0` })]],
  [
    "a compressed answer",
    async ({ ask }) => [
      await ask(hello),
      await ask(poll),
      await ask({ method: "POST", body: '42["fetch",5000]' }),
      await ask({ headers: ["Accept-Encoding: gzip"] }),
    ],
  ],
  [
    "a body in chunks",
    async ({ ask, sid }) => [
      await ask(
        `POST /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n4\r\n1\r\n0\r\n0\r\n\r\n`,
      ),
      await ask(poll),
    ],
  ],
  [
    "HTTP/1.0, without Host",
    async ({ ask, sid }) => [
      await ask(hello),
      await ask(`GET /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.0\r\n\r\n`),
    ],
  ],
  [
    "a body that waits to be asked for",
    async ({ ask }) => [await ask({ ...hello, headers: ["Expect: 100-continue"] })],
  ],
  [
    "a poll beside a poll",
    async ({ ask, open, sid }) => {
      await ask(hello);
      await ask(poll);
      const text = requestText({ query: `&sid=${sid}`, headers: ["Connection: close"] });
      using one = await open(text);
      using other = await open(text);
      return [...(await Promise.all([one.ended, other.ended])).sort(), await ask(poll)];
    },
  ],
  [
    "a post that is larger than may be",
    async ({ ask }) => [
      await ask(hello),
      status(await ask({ method: "POST", body: "4".repeat(8_000_001) })),
      await ask(poll),
    ],
  ],
  [
    "binary where text is due",
    async ({ ask }) => [
      await ask({ method: "POST", body: "x", headers: ["Content-Type: application/octet-stream"] }),
      await ask(poll),
    ],
  ],
  ["what is no packet", async ({ ask }) => [await ask({ method: "POST", body: "nonsense" }), await ask(poll)]],
  [
    "a method that is none of polling's",
    async ({ ask }) => [await ask({ method: "DELETE" }), await ask({ method: "HEAD" }), await ask(hello)],
  ],
  [
    "another protocol than the session's",
    async ({ ask, sid }) => [
      await ask(requestText({ query: `&sid=${sid}`, headers: ["Connection: close"] }).replace("EIO=4", "EIO=3")),
    ],
  ],
  [
    "a transport that is none",
    async ({ ask, sid }) => [
      await ask(requestText({ query: `&sid=${sid}`, headers: ["Connection: close"] }).replace("=polling", "=pigeon")),
    ],
  ],
  [
    "WebSocket without an upgrade",
    async ({ ask, sid }) => [
      await ask(
        requestText({ query: `&sid=${sid}`, headers: ["Connection: close"] }).replace("=polling", "=websocket"),
      ),
    ],
  ],
  ["an origin that is none", async ({ ask }) => [await ask({ headers: ["Origin: \x01"] })]],
  [
    "the client's goodbye, and what comes after it",
    async ({ ask }) => [await ask(hello), await ask({ method: "POST", body: "1" }), await ask(poll)],
  ],
  [
    "a post that is broken off",
    async ({ ask, open, sid }) => {
      await ask(hello);
      using raw = await open(
        `${requestText({ method: "POST", query: `&sid=${sid}`, headers: ["Content-Length: 9"] })}40`,
      );
      raw.socket.end();
      return [await raw.ended, await gone(() => ask(event))];
    },
  ],
  [
    "an upgrade, its probe and a message, each on its own",
    async ({ ask, open, sid }) => {
      const said = [await ask(hello), await ask(poll)];
      const raw = await open(upgradeText(`&sid=${sid}`));
      await heard(raw, "\r\n\r\n");
      raw.socket.write(frame("2probe"));
      await heard(raw, "3probe");
      raw.socket.write(frame("5"));
      raw.socket.write(frame('420["echo",1]'));
      await heard(raw, "430[1]");
      raw.socket.write(CLOSE_FRAME);
      return [...said, await raw.ended, await gone(() => ask(poll))];
    },
  ],
  [
    "all of an upgrade in one segment, binary too",
    async ({ ask, open, sid }) => {
      const said = [await ask(hello), await ask(poll)];
      const raw = await open(
        Buffer.concat([
          Buffer.from(upgradeText(`&sid=${sid}`)),
          frame("2probe"),
          frame("5"),
          frame('451-0["echo",{"_placeholder":true,"num":0}]'),
          frame(Buffer.from([0, 255, 1])),
        ]),
      );
      await heard(raw, "461-0");
      await heard(raw, "\0\xff\x01", 2);
      raw.socket.write(CLOSE_FRAME);
      return [...said, await raw.ended];
    },
  ],
  [
    "an upgrade while a poll waits",
    async ({ ask, open, sid }) => {
      const said = [await ask(hello), await ask(poll)];
      const waiting = ask(poll);
      const raw = await open(Buffer.concat([Buffer.from(upgradeText(`&sid=${sid}`)), frame("2probe")]));
      await heard(raw, "3probe");
      said.push(await waiting);
      raw.socket.write(frame("5"));
      raw.socket.write(frame('420["echo",1]'));
      await heard(raw, "430[1]");
      raw.socket.end();
      return [...said, await raw.ended];
    },
  ],
  [
    "an upgraded client that is cut off",
    async ({ ask, open, sid }) => {
      await ask(hello);
      const raw = await open(Buffer.concat([Buffer.from(upgradeText(`&sid=${sid}`)), frame("2probe"), frame("5")]));
      await heard(raw, "40{");
      raw.socket.resetAndDestroy();
      return [await gone(() => ask({ method: "DELETE" }))];
    },
  ],
  [
    "a second upgrade",
    async ({ ask, open, sid }) => {
      await ask(hello);
      const first = await open(Buffer.concat([Buffer.from(upgradeText(`&sid=${sid}`)), frame("2probe"), frame("5")]));
      await heard(first, "40{");
      const second = await open(upgradeText(`&sid=${sid}`));
      const said = await closed(second);
      first.socket.write(CLOSE_FRAME);
      return [said, await first.ended];
    },
  ],
  [
    "an upgrade that goes wrong leaves the session to polling",
    async ({ ask, open, sid }) => {
      await ask(hello);
      const raw = await open(Buffer.concat([Buffer.from(upgradeText(`&sid=${sid}`)), frame("nonsense")]));
      return [await closed(raw), await ask(poll)];
    },
  ],
  [
    "an upgrade that is none of WebSocket's",
    async ({ ask, sid }) => [await ask(upgradeText(`&sid=${sid}`).replace("Upgrade: websocket", "Upgrade: h2c"))],
  ],
  [
    "an upgrade to polling",
    async ({ open, sid }) => [
      await closed(await open(upgradeText(`&sid=${sid}`).replace("transport=websocket", "transport=polling"))),
    ],
  ],
  [
    "an id that names nobody",
    async ({ ask }) => [
      await ask({ query: "&sid=AAAAAAAAAAAAAAAAAAAAAAAAAAAA" }),
      await ask(upgradeText("&sid=AAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
    ],
  ],
  [
    "an id that was never one",
    async ({ ask }) => [
      await ask({ query: "&sid=x" }),
      await ask({ query: "&sid=__proto__" }),
      await ask({ query: "&sid=constructor" }),
    ],
  ],
  [
    "an id that names an address",
    async ({ ask }) => {
      const ids = [
        "127.0.0.1:6379",
        "fwAAARjr",
        `${Buffer.from([127, 0, 0, 1, 0x18, 0xeb]).toString("base64url")}AAAAAAAAAAAAAAAAAAAA`,
        "http:%2F%2F127.0.0.1:6379%2F",
      ];
      return await Promise.all(
        ids.flatMap((id) => [
          ask({ query: `&sid=${id}`, headers: ["Origin: https://page.example"] }),
          ask(upgradeText(`&sid=${id}`)),
        ]),
      );
    },
  ],
  [
    "an id of this session with another end",
    async ({ ask, sid }) => [await ask({ query: `&sid=${sid.slice(0, -1)}` }), await ask({ query: `&sid=${sid}A` })],
  ],
  [
    "a client that claims to come over a link",
    async ({ ask }) => [await ask({ ...hello, headers: ["X-Realtime-Client: 6.6.6.6 1"] })],
  ],
];

const heard = (raw: Raw, text: string, times = 1) =>
  eventually(() => expect(raw.text().split(text).length).toBeGreaterThan(times));
const status = (text: string) => text.split("\r\n")[0] ?? "";
/** Resolves with the answer once the session is gone. */
const gone = (ask: () => Promise<string>) =>
  eventually(async () => {
    const text = await ask();
    expect(text).toContain("Session ID unknown");
    return text;
  });
/** Answers the close of a WebSocket and resolves with all that was heard. */
const closed = async (raw: Raw) => {
  await heard(raw, "\x88");
  raw.socket.write(CLOSE_FRAME);
  return await raw.ended;
};

describe("each request to another gateway, and one socket.io server: the same bytes", () => {
  test.each(talks)("%s", async (_name, talk) => {
    const [here, there] = [await meet([plainPort]), await meet(gateways.ports())];
    const expected = (await talk(here)).map((text) => comparable(text, here.sid));
    const answers = (await talk(there)).map((text) => comparable(text, there.sid));
    expect(answers).toEqual(expected);
    expect(answers.join("").length).toBeGreaterThan(0);
  });
});
