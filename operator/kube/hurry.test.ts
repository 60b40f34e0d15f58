import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "@jest/globals";
import { silentLog } from "#process";
import { eventually, freePort } from "#testing";
import { hurryGateways, takesChildren } from "./hurry.ts";

const resource = (metadata: object) => ({
  apiVersion: "a/v1",
  kind: "RealtimeCluster",
  metadata: { name: "chat", ...metadata },
});

test.each([
  ["was deleted", {}, true, true],
  [
    "is being deleted, its children first",
    { deletionTimestamp: "now", finalizers: ["foregroundDeletion"] },
    false,
    true,
  ],
  ["was deleted, and its children are to stay", { deletionTimestamp: "now", finalizers: ["orphan"] }, true, false],
  ["is there", {}, false, false],
])("children go with a resource that %s: %#", (_sentence, metadata, isGone, expected) => {
  expect(takesChildren(resource(metadata), isGone)).toBe(expected);
});

test("every gateway that can be reached is told, with the token, whatever becomes of the others", async () => {
  const told: unknown[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      told.push([request.method, request.url, request.headers.authorization, JSON.parse(body)]);
      response.writeHead(202).end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const controls = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${port}`];
    await hurryGateways(controls, { token: async () => "t1", log: silentLog() });
    expect(told).toEqual([["POST", "/drain", "Bearer t1", { hurry: true }]]);
    await hurryGateways(controls, { token: () => Promise.reject(new Error("no Secret")), log: silentLog() });
    expect(told).toHaveLength(1);
  } finally {
    server.closeAllConnections();
    server.close();
    await eventually(() => expect(server.listening).toBe(false));
  }
});
