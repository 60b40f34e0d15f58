import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { Server } from "socket.io";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { dial } from "./dial.ts";
import { openForwarding, type Forwarding, type ForwardingOptions } from "./open-forwarding.ts";
import { trustProxies } from "./trusted-proxies.ts";
import echo, { options } from "./testing/echo-app.ts";
import { endQuickly, frame, openRaw, openSession, requestText, upgradeText } from "./testing/raw.ts";

let stack: AsyncDisposableStack;
beforeEach(() => void (stack = new AsyncDisposableStack()));
afterEach(() => stack.disposeAsync());

interface Here {
  port: number;
  io: Server;
  server: HttpServer;
  forwarding: Forwarding;
  counted(name: string, labels?: Record<string, string>): Promise<number>;
}

/** A socket.io server of this process with its links. */
const here = async (links: string[], over: Partial<ForwardingOptions> = {}, app = echo): Promise<Here> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const io = new Server(server, options);
  stack.defer(() => io.close());
  endQuickly(io.engine);
  app(io);
  const registry = new Registry();
  const forwarding = stack.use(
    await openForwarding({
      engine: io.engine,
      peers: {
        current: () => links,
        onChange: () => ({ [Symbol.dispose]: () => undefined }),
        refresh: async () => undefined,
      },
      keys: () => ["key"],
      host: "127.0.0.1",
      port: 0,
      draining: () => false,
      log: silentLog(),
      registry,
      ...over,
    }),
  );
  links.push(`127.0.0.1:${forwarding.port}`);
  return {
    port: (server.address() as AddressInfo).port,
    io,
    server,
    forwarding,
    counted: async (name, labels = {}) => {
      const { values = [] } = (await registry.getSingleMetric(name)?.get()) ?? {};
      return values
        .filter((it) => Object.entries(labels).every(([key, value]) => it.labels[key] === value))
        .reduce((sum, { value }) => sum + value, 0);
    },
  };
};

const poll = (sid: string) => requestText({ query: `&sid=${sid}`, headers: ["Connection: close"] });
/** What engine.io has of a session to speak through. */
const transportOf = ({ io }: Here, sid: string): object => {
  const clients: unknown = Reflect.get(io.engine, "clients");
  const client: unknown = typeof clients === "object" && clients !== null ? Reflect.get(clients, sid) : undefined;
  const transport: unknown =
    typeof client === "object" && client !== null ? Reflect.get(client, "transport") : undefined;
  if (typeof transport !== "object" || transport === null) throw new Error("no such session");
  return transport;
};
const self = { number: "AAAAAAAA", port: 1 };

describe("the port of links", () => {
  const strangers: [string, string][] = [
    ["a request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a hello with more behind it", "realtime-link/1 nnnnnnnnnnnnnnnnnnnnnnnn AAAAAAAA 1\nGET / HTTP/1.1\r\n\r\n"],
    ["a hello without a proof", "realtime-link/1 nnnnnnnnnnnnnnnnnnnnnnnn AAAAAAAA 1\n"],
    ["a line without an end", "x".repeat(600)],
    ["nothing", ""],
  ];
  test.each(strangers)("closes to %s", async (_what, said) => {
    const { forwarding, counted } = await here([]);
    using raw = await openRaw(forwarding.port, said);
    if (said.endsWith("1\n")) {
      await eventually(() => expect(raw.text()).toContain("\n"));
      raw.socket.write(`${"x".repeat(43)}\n`);
    }
    expect(await raw.ended).not.toContain("HTTP");
    await eventually(async () => expect(await counted("realtime_gateway_links_refused_total")).toBe(1));
  });

  test("neither side trusts one that has none of its keys", async () => {
    const { forwarding, counted } = await here([]);
    await expect(dial(`127.0.0.1:${forwarding.port}`, { self, keys: () => ["another"] })).rejects.toThrow(
      "none of our keys",
    );
    await eventually(async () => expect(await counted("realtime_gateway_links_refused_total")).toBe(1));
  });

  test("takes one that has the key of a moment ago, and one that has a newer", async () => {
    const { forwarding } = await here([], { keys: () => ["now", "before"] });
    for (const keys of [["before"], ["newer", "now"]]) {
      const { socket } = await dial(`127.0.0.1:${forwarding.port}`, { self, keys: () => keys });
      socket.destroy();
    }
  });

  test("takes nobody while there is no key", async () => {
    const { forwarding } = await here([], { keys: () => [] });
    await expect(dial(`127.0.0.1:${forwarding.port}`, { self, keys: () => [""] })).rejects.toThrow();
  });

  test("begins no session, and passes on nothing that is not its own", async () => {
    const links: string[] = [];
    const [one, other] = [await here(links), await here(links)];
    const sid = await openSession(other.port);
    for (const [text, answer] of [
      [requestText({}), /^HTTP\/1.1 400 Bad Request/],
      [poll(sid), /Session ID unknown/],
      [upgradeText(""), /^$/],
      [upgradeText(`&sid=${sid}`), /Session ID unknown/],
    ] as const) {
      const { socket } = await dial(links[0] ?? "", { self, keys: () => ["key"] });
      let heard = "";
      socket.on("data", (chunk: Buffer) => (heard += chunk.toString()));
      socket.end(text.replace("\r\n\r\n", "\r\nx-realtime-client: 1.2.3.4 5\r\n\r\n"));
      await once(socket, "close");
      expect(heard).toMatch(answer);
    }
    expect(one.io.engine.clientsCount).toBe(0);
  });
});

describe("what is carried has a limit", () => {
  test("beyond it an upgrade is refused and its session polls on; a request is refused", async () => {
    const links: string[] = [];
    const owner = await here(links);
    const carrier = await here(links, { maxCarried: 1 });
    const sids = [await openSession(owner.port), await openSession(owner.port)];
    using first = await openRaw(carrier.port, upgradeText(`&sid=${sids[0]}`));
    await eventually(() => expect(first.text()).toContain("101 Switching"));
    using second = await openRaw(carrier.port, upgradeText(`&sid=${sids[1]}`));
    expect(await second.ended).toMatch(/^HTTP\/1.1 503 /);
    using waits = await openRaw(carrier.port, poll(sids[1] ?? ""));
    await eventually(() => expect(carrier.forwarding.requests()).toBe(1));
    using refused = await openRaw(carrier.port, poll(sids[0] ?? ""));
    expect(await refused.ended).toMatch(/^HTTP\/1.1 503 /);
    const outcome = (kind: string) => carrier.counted("realtime_gateway_forwards_total", { kind, outcome: "refused" });
    expect([await outcome("upgrade"), await outcome("request")]).toEqual([1, 1]);
    first.socket.destroy();
    waits.socket.destroy();
    await eventually(() => expect([carrier.forwarding.sockets.size, carrier.forwarding.requests()]).toEqual([0, 0]));
    await eventually(() => expect(owner.io.engine.clientsCount).toBe(1));
  });
});

describe("a client that breaks off", () => {
  test("its poll is broken off at the owner, which ends the session; so is its post", async () => {
    const links: string[] = [];
    const [owner, carrier] = [await here(links), await here(links)];
    const breakOff = async (sid: string, text: string, isThere: (transport: object) => boolean) => {
      using raw = await openRaw(carrier.port, text);
      await eventually(() => expect(isThere(transportOf(owner, sid))).toBe(true));
      raw.socket.destroy();
      // Sooner than by a heartbeat that is not answered.
      await eventually(() => expect(owner.io.engine.clientsCount).toBe(0), { timeoutMs: 3000 });
    };
    const polls = await openSession(owner.port);
    await breakOff(polls, poll(polls), (transport) => Reflect.get(transport, "writable") === true);
    const posts = await openSession(owner.port);
    const half = requestText({ method: "POST", query: `&sid=${posts}`, headers: ["Content-Length: 9"] });
    await breakOff(posts, `${half}40`, (transport) => Boolean(Reflect.get(transport, "dataReq")));
    expect(carrier.forwarding.requests()).toBe(0);
  });
});

describe("a client that reads slowly", () => {
  test("gets all of an answer, and the carrier holds little of it", async () => {
    const links: string[] = [];
    const [owner, carrier] = [await here(links), await here(links)];
    const sid = await openSession(owner.port);
    using hello = await openRaw(
      carrier.port,
      requestText({ method: "POST", query: `&sid=${sid}`, headers: ["Connection: close"], body: "40" }),
    );
    await hello.ended;
    using first = await openRaw(carrier.port, poll(sid));
    await first.ended;
    using fetch = await openRaw(
      carrier.port,
      requestText({
        method: "POST",
        query: `&sid=${sid}`,
        headers: ["Connection: close"],
        body: '42["fetch",30000000]',
      }),
    );
    await fetch.ended;
    using slow = await openRaw(carrier.port);
    slow.socket.pause();
    slow.socket.write(poll(sid));
    await eventually(() => expect(carrier.forwarding.requests()).toBe(1));
    await eventually(() => expect(slow.socket.readableLength + slow.text().length).toBeLessThan(1_000_000));
    slow.socket.resume();
    expect((await slow.ended).length).toBeGreaterThan(30_000_000);
  });
});

describe("an app's own ids", () => {
  test("stay, behind the number of the gateway", async () => {
    let count = 0;
    const { port } = await here([], { number: "abcdefgh" }, (io) => {
      io.engine.generateId = async () => `mine-${count++}`;
    });
    expect(await openSession(port)).toBe("abcdefghmine-0");
  });
});

describe("who the client is", () => {
  test("the owner sees its address, in the handshake behind trusted proxies, and on each request that is passed on", async () => {
    const links: string[] = [];
    const [owner, carrier] = [await here(links), await here(links)];
    trustProxies(owner.io.engine, ["127.0.0.0/8"]);
    using made = await openRaw(
      owner.port,
      requestText({ headers: ["Connection: close", "X-Forwarded-For: 6.6.6.6, 1.2.3.4"] }),
    );
    const sid = /"sid":"([^"]*)"/.exec(await made.ended)?.[1] ?? "";
    const seen: unknown[] = [];
    owner.io.engine.on(
      "headers",
      (
        _headers: unknown,
        {
          socket,
          headers,
          rawHeaders,
        }: { socket: { remoteAddress: string; remotePort: number }; headers: object; rawHeaders: string[] },
      ) => seen.push([socket.remoteAddress, socket.remotePort, headers, rawHeaders.includes("x-realtime-client")]),
    );
    using raw = await openRaw(carrier.port);
    const { localPort } = raw.socket;
    raw.socket.write(
      requestText({ method: "POST", query: `&sid=${sid}`, headers: ["X-Forwarded-For: 5.5.5.5"], body: "40" }),
    );
    await eventually(() => expect(seen).toHaveLength(1));
    expect(seen).toEqual([
      [
        "127.0.0.1",
        localPort,
        { host: "chat.example.com", connection: "keep-alive", "content-length": "2", "x-forwarded-for": "5.5.5.5" },
        false,
      ],
    ]);
    const [socket] = await owner.io.fetchSockets();
    expect(socket?.handshake.address).toBe("1.2.3.4");
    using upgrade = await openRaw(
      carrier.port,
      Buffer.concat([Buffer.from(upgradeText(`&sid=${sid}`)), frame("2probe")]),
    );
    await eventually(() => expect(upgrade.text()).toContain("x-seen-from: 127.0.0.1"));
  });
});
