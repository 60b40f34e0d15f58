import { spawnSync } from "node:child_process";
import { expect, test } from "@jest/globals";
import { expose } from "./expose.ts";
import { given } from "./testing/resources.ts";

const CASES: [string, object][] = [
  ["nothing", {}],
  ["no stickiness", { stickiness: "none" }],
  ["a load balancer", { type: "LoadBalancer" }],
  [
    "a load balancer with everything",
    {
      type: "LoadBalancer",
      annotations: { "example.com/scheme": "internal" },
      loadBalancer: {
        className: "example.com/internal",
        sourceRanges: ["10.0.0.0/8", "2001:db8::/32"],
        port: 443,
        externalTrafficPolicy: "Local",
      },
    },
  ],
  ["an Ingress", { type: "Ingress" }],
  [
    "an Ingress with everything",
    {
      type: "Ingress",
      stickiness: "clientIP",
      ingress: { className: "nginx", host: "*.example.com", tlsSecretName: "chat-tls" },
    },
  ],
  ["a Gateway, as far as its Service goes", { type: "Gateway", gateway: { parentRefs: [{ name: "web" }] } }],
];

test.each(CASES)("an API server takes what is made of %s", (_given, asked) => {
  const { objects = [] } = expose(given({ spec: { gateway: { expose: asked } }, settings: { isServed: () => false } }));
  const list = { apiVersion: "v1", kind: "List", items: objects };
  const { status, stderr } = spawnSync(
    "kubectl",
    ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-n", "default", "-f", "-"],
    { input: JSON.stringify(list), encoding: "utf8" },
  );
  expect([status, stderr]).toEqual([0, ""]);
});
