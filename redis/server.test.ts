import { describe, expect, test } from "@jest/globals";
import { Misconfigured } from "#process";
import { redisServer } from "./index.ts";

const node = (host: string, port = 6379) => ({ host, port });

describe("the address of Redis", () => {
  test.each<[string, object]>([
    ["redis://h", { kind: "single", nodes: [node("h")], db: 0, login: {}, tls: undefined, prefix: undefined }],
    [
      "redis://me:p%40ss@h:7/2?prefix=x",
      { nodes: [node("h", 7)], db: 2, login: { username: "me", password: "p@ss" }, prefix: "x" },
    ],
    ["redis://:a:b@[::1]:1", { nodes: [node("::1", 1)], login: { password: "a:b" } }],
    ["rediss://h", { kind: "single", tls: {} }],
    ["redis://a:1,b", { kind: "cluster", nodes: [node("a", 1), node("b")] }],
    ["rediss://me:p@h/?cluster=true", { kind: "cluster", nodes: [node("h")], tls: {} }],
    [
      "redis+sentinel://a,b:2/main",
      { kind: "sentinel", master: "main", nodes: [node("a", 26_379), node("b", 2)], db: 0 },
    ],
    [
      "rediss+sentinel://me:p@a/main/3?sentinelUsername=s&sentinelPassword=t",
      { db: 3, tls: {}, login: { username: "me", password: "p" }, sentinelLogin: { username: "s", password: "t" } },
    ],
  ])("%s", (uri, expected) => expect(redisServer({ uri })).toMatchObject(expected));

  test("an authority means TLS", () => {
    expect(redisServer({ uri: "redis://h", ca: "PEM" }).tls).toEqual({ ca: "PEM" });
  });

  test.each([
    ["http://h", "it is no address of Redis"],
    ["redis://", "it is no address of Redis"],
    ["redis://me:secret@h:x", '"h:x" is no host:port'],
    ["redis://h:70000", '"h:70000" is no host:port'],
    ["redis://h/one", '"one" is no number of a database'],
    ["redis://h/?clsuter=true", "?clsuter= is not known"],
    ["redis://h/?cluster=yes", "?cluster= is not known, or not with this value"],
    ["redis://a,b/?cluster=false", "names several hosts with ?cluster=false"],
    ["redis://a,b/2", "a Redis Cluster has no database 2"],
    ["redis+sentinel://a,b", "Sentinel's name of the master is not there"],
    ["redis+sentinel://a/main?cluster=true", "names Sentinels and a Redis Cluster"],
    ["redis://h/?sentinelPassword=secret", "are for redis+sentinel://"],
    ["redis://me:sec%ret@h", "a % that encodes nothing"],
  ])("%s is refused", (uri, reason) => {
    const read = () => redisServer({ uri });
    expect(read).toThrow(Misconfigured);
    expect(read).toThrow(`the key uri of Redis: `);
    expect(read).toThrow(reason);
    expect(read).not.toThrow(/secret|sec%ret/);
  });
});
