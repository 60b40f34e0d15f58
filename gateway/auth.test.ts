import { once } from "node:events";
import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from "jose";
import { eventually } from "#testing";
import { JWT_SECRET, testCluster } from "./testing/cluster.ts";

const HS256 = { auth: { jwt: { secretRef: { name: "auth", key: "secret" }, issuer: "idp", audience: "app" } } };
const GRANTS = { channels: { read: ["room:*"], write: ["room:*"] }, events: ["chat:*"] };

const signed = (claims: JWTPayload = {}, { secret = JWT_SECRET, seconds = 3600 } = {}) =>
  new SignJWT({ iss: "idp", aud: "app", sub: "anna", ...GRANTS, ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuedAt()
    .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
    .sign(new TextEncoder().encode(secret));

const codeOf = (error: unknown): unknown => (error as { data?: { code?: string } }).data?.code;

describe("a token", () => {
  test.each([
    ["none", async () => ({}), "unauthorized"],
    ["no text", async () => ({ token: { sub: "anna" } }), "unauthorized"],
    ["no token at all", async () => ({ token: "anna" }), "unauthorized"],
    ["of another key", async () => ({ token: await signed({}, { secret: "x".repeat(40) }) }), "unauthorized"],
    ["of another issuer", async () => ({ token: await signed({ iss: "other" }) }), "unauthorized"],
    ["for another audience", async () => ({ token: await signed({ aud: "other" }) }), "unauthorized"],
    ["without a user", async () => ({ token: await signed({ sub: "" }) }), "unauthorized"],
    ["that says it is ours", async () => ({ token: await signed({ iss: "realtimecluster:x" }) }), "unauthorized"],
    ["that has expired", async () => ({ token: await signed({}, { seconds: -60 }) }), "token_expired"],
    [
      "of no algorithm",
      async () => ({
        token: `${Buffer.from('{"alg":"none"}').toString("base64url")}.${(await signed()).split(".")[1]}.`,
      }),
      "unauthorized",
    ],
  ])("%s is refused for good", async (_, auth, code) => {
    await using cluster = testCluster();
    const gateway = await cluster.gateway(HS256);
    const error: unknown = await gateway.client(await auth()).catch((it: unknown) => it);
    expect(codeOf(error)).toBe(code);
    expect(await gateway.metric("realtime_refusals_total", { code, level: "connect" })).toBe(1);
  });

  test("grants what it says, and nothing else", async () => {
    await using cluster = testCluster();
    const gateway = await cluster.gateway(HS256);
    using anna = await gateway.client({
      token: await signed({ channels: { ...GRANTS.channels, join: ["room:home"] } }),
    });
    const refused = { ok: false, error: { code: "forbidden" } };
    expect(await anna.ask("subscribe", { channel: "room:1" })).toEqual({ ok: true });
    expect(await anna.ask("subscribe", { channel: "jobs:chat" })).toMatchObject(refused);
    expect(await anna.ask("presence", { channel: "other" })).toMatchObject(refused);
    expect(await anna.ask("history", { channel: "other" })).toMatchObject(refused);
    expect(await anna.ask("publish", { channel: "other", event: "x" })).toMatchObject(refused);
    expect(await anna.ask("publish", { channel: "room:home", event: "x", data: 1 })).toMatchObject({ ok: true });
    await eventually(() => expect(anna.of("x")).toMatchObject([{ channel: "room:home", user: "anna", data: 1 }]));
    expect(anna.of("session")).toEqual([]);
    using ben = await gateway.client({ token: await signed({ sub: "ben", channels: "all", events: undefined }) });
    expect(await ben.ask("subscribe", { channel: "room:1" })).toMatchObject(refused);
  });

  test("that expires ends the connection; auth:refresh of the same user keeps it and replaces the grants", async () => {
    await using cluster = testCluster();
    let now = Date.now();
    const gateway = await cluster.gateway(HS256, { clock: () => now });
    using anna = await gateway.client({ token: await signed({}, { seconds: 100 }) });
    using ben = await gateway.client({ token: await signed({ sub: "ben" }, { seconds: 100 }) });
    expect(await anna.ask("subscribe", { channel: "room:1" })).toEqual({ ok: true });
    const refresh = async (claims: JWTPayload) => anna.ask("auth:refresh", { token: await signed(claims) });
    expect(await refresh({ sub: "ben" })).toMatchObject({ error: { code: "forbidden" } });
    expect(await anna.ask("auth:refresh", { token: "x" })).toMatchObject({ error: { code: "unauthorized" } });
    expect(await refresh({ channels: { read: ["hall"] } })).toMatchObject({ ok: true });
    expect(await anna.ask("subscribe", { channel: "hall" })).toEqual({ ok: true });
    expect(gateway.gateway.context.hasLocalChannel("room:1")).toBe(false);
    const ended = new Promise<string>((resolve) => void ben.socket.once("disconnect", resolve));
    now += 200_000;
    expect(await ended).toBe("io server disconnect");
    expect(ben.of("refused")).toMatchObject([{ error: { code: "token_expired" } }]);
    expect(anna.socket.connected).toBe(true);
  });

  test("that is revoked ends connections on every gateway, and is refused from then on", async () => {
    await using cluster = testCluster();
    const [here, there] = [await cluster.gateway(HS256), await cluster.gateway(HS256)];
    const token = await signed({ jti: "t1" });
    using anna = await there.client({ token });
    using ben = await there.client({ token: await signed({ sub: "ben" }) });
    using carl = await there.client({ token: await signed({ sub: "carl" }) });
    await here.gateway.context.revoke({ jti: "t1" }, 60);
    await here.gateway.context.revoke({ user: "ben", before: Date.now() + 1000 }, 60);
    await eventually(() =>
      expect([anna, ben, carl].map(({ socket }) => socket.connected)).toEqual([false, false, true]),
    );
    expect(anna.of("refused")).toMatchObject([{ error: { code: "token_revoked" } }]);
    const error: unknown = await here.client({ token }).catch((it: unknown) => it);
    expect(codeOf(error)).toBe("token_revoked");
    expect(await carl.ask("auth:refresh", { token })).toMatchObject({ error: { code: "token_revoked" } });
  });
});

describe("keys that the issuer publishes", () => {
  let key: CryptoKey;
  let answer: () => { status: number; body: string };
  const server = createServer((_, response) => {
    const { status, body } = answer();
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  let jwks = "";
  beforeAll(async () => {
    const pair = await generateKeyPair("ES256");
    key = pair.privateKey;
    jwks = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: "k", alg: "ES256" }] });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterAll(() => void server.close());
  const settings = () => ({ auth: { jwt: { jwksUrl: `http://127.0.0.1:${Object(server.address()).port}/jwks` } } });
  const token = () =>
    new SignJWT({ sub: "anna" }).setProtectedHeader({ alg: "ES256", kid: "k" }).setExpirationTime("1h").sign(key);

  test("verify a token; an HS256 one is refused", async () => {
    answer = () => ({ status: 200, body: jwks });
    await using cluster = testCluster();
    const gateway = await cluster.gateway(settings());
    using anna = await gateway.client({ token: await token() });
    expect(anna.socket.connected).toBe(true);
    const error: unknown = await gateway.client({ token: await signed() }).catch((it: unknown) => it);
    expect(codeOf(error)).toBe("unauthorized");
  });

  test("that cannot be fetched are a passing refusal: the client comes back by itself", async () => {
    let away = true;
    answer = () => (away ? { status: 500, body: "" } : { status: 200, body: jwks });
    await using cluster = testCluster();
    const gateway = await cluster.gateway(settings());
    const shown = await token();
    const client = gateway.client(
      { token: shown },
      { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 100 },
    );
    await eventually(async () =>
      expect(await gateway.metric("realtime_refusals_total", { code: "internal", level: "close" })).toBeGreaterThan(0),
    );
    away = false;
    using anna = await client;
    expect(anna.socket.connected).toBe(true);
  });
});

describe("a user without a token", () => {
  test("is somebody, is told who, and is the same when he returns, with what anonymous users may do", async () => {
    await using cluster = testCluster();
    const written = { auth: { ...HS256.auth, anonymous: { channels: { read: ["public:*"], join: ["public:all"] } } } };
    const gateway = await cluster.gateway(written);
    using first = await gateway.client();
    await eventually(() => expect(first.of("session")).toHaveLength(1));
    const [session] = first.of("session") as { user: string; token: string }[];
    expect(session).toMatchObject({ user: expect.stringMatching(/^anon-/), token: expect.any(String) });
    using second = await gateway.client({ token: session?.token });
    await eventually(() => expect(second.of("session")).toMatchObject([{ user: session?.user }]));
    expect(await second.ask("subscribe", { channel: "public:a" })).toEqual({ ok: true });
    expect(await second.ask("subscribe", { channel: "room:a" })).toMatchObject({ error: { code: "forbidden" } });
    expect(await second.ask("presence", { channel: "public:all" })).toEqual({ ok: true, users: [session?.user] });
    const error: unknown = await gateway.client({ token: "nonsense" }).catch((it: unknown) => it);
    expect(codeOf(error)).toBe("unauthorized");
    const forged = await new SignJWT({ iss: `realtimecluster:${cluster.name}`, sub: "admin" })
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime("1h")
      .sign(new TextEncoder().encode(JWT_SECRET));
    using nobody = await gateway.client({ token: forged });
    await eventually(() => expect(nobody.of("session")).toMatchObject([{ user: expect.stringMatching(/^anon-/) }]));
  });

  test("may do everything where there is no auth", async () => {
    await using cluster = testCluster();
    const gateway = await cluster.gateway();
    using anyone = await gateway.client({ token: "whatever" });
    expect(await anyone.ask("subscribe", { channel: "cluster" })).toEqual({ ok: true });
  });
});

describe("who may connect", () => {
  test("a page of another origin may not; what is no page may", async () => {
    await using cluster = testCluster();
    const gateway = await cluster.gateway({ origins: ["https://chat.example.com"] });
    const from = (origin?: string) => gateway.client({}, origin === undefined ? {} : { extraHeaders: { origin } });
    const error: unknown = await from("https://chat.example.com.evil.com").catch((it: unknown) => it);
    expect(codeOf(error)).toBe("origin_not_allowed");
    using page = await from("https://chat.example.com");
    using server = await from();
    expect([page.socket.connected, server.socket.connected]).toEqual([true, true]);
  });

  test("a user has as many connections as the limit says, over all gateways", async () => {
    await using cluster = testCluster();
    const written = { ...HS256, limits: { connectionsPerUser: 2 } };
    const [here, there] = [await cluster.gateway(written), await cluster.gateway(written)];
    const token = await signed();
    using one = await here.client({ token });
    using two = await there.client({ token });
    const error: unknown = await here.client({ token }).catch((it: unknown) => it);
    expect(codeOf(error)).toBe("too_many_connections");
    one.socket.disconnect();
    await eventually(async () => (await here.client({ token }))[Symbol.dispose]());
    expect(two.socket.connected).toBe(true);
  });
});
