import { describe, expect, test } from "@jest/globals";
import { clusterOf } from "../../testing.ts";
import type { KubeObject } from "../runtime/object.ts";
import { endpointsOf, expose } from "./expose.ts";
import { given } from "./testing/resources.ts";
import { revisionOf } from "./revision.ts";

const GATEWAY_API = "gateway.networking.k8s.io/v1 HTTPRoute";
const EXPERIMENTAL = "gateway.networking.x-k8s.io/v1alpha1 XBackendTrafficPolicy";

const input = (
  gateway: object,
  { live = [], served = [GATEWAY_API] }: { live?: KubeObject[]; served?: string[] } = {},
) => given({ spec: { gateway }, live, settings: { isServed: (kind) => served.includes(kind) } });

const shared = (part: ReturnType<typeof expose>, kind: string) => (part.objects ?? []).find((it) => it.kind === kind);
const live = (kind: string, status: object): KubeObject => ({
  apiVersion: kind === "Service" ? "v1" : kind === "Ingress" ? "networking.k8s.io/v1" : "gateway.networking.k8s.io/v1",
  kind,
  metadata: { name: "chat-gateway" },
  status,
});
const ofType = (type: string, rest: object = {}) => ({ expose: { type, ...rest } });
const route = (rest: object = {}) => ofType("Gateway", { gateway: { parentRefs: [{ name: "web" }] }, ...rest });
const accepted = (status: string, reason = "Accepted") => ({
  parents: [{ conditions: [{ type: "Accepted", status, reason, message: "said so" }] }],
});

describe("the clients' Service", () => {
  test("selects one revision of the gateways and forwards to the clients' port alone", () => {
    const it = input({ api: {} });
    const role = it.topology.roles.find(({ role }) => role === "gateway");
    expect(shared(expose(it), "Service")).toMatchObject({
      metadata: { name: "chat-gateway" },
      spec: {
        type: "ClusterIP",
        selector: {
          "realtimecluster.dev/cluster": "chat",
          "realtimecluster.dev/role": "gateway",
          "realtimecluster.dev/takes-clients": "true",
          "realtimecluster.dev/revision": role && revisionOf(role),
        },
        ports: [{ name: "clients", port: 3000, targetPort: "clients", protocol: "TCP" }],
      },
    });
  });

  const affinity = { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } };
  const none = { sessionAffinity: "None" };
  test.each<[string, object, object]>([
    ["ClusterIP, auto", {}, affinity],
    ["ClusterIP, none", ofType("ClusterIP", { stickiness: "none" }), none],
    ["LoadBalancer, clientIP", ofType("LoadBalancer", { stickiness: "clientIP" }), affinity],
    ["Ingress, auto: the address would be the controller's", ofType("Ingress"), none],
    ["Gateway, auto", route(), none],
  ])("%s", (_given, gateway, expected) => {
    const { sessionAffinity, sessionAffinityConfig } = Object(shared(expose(input(gateway)), "Service")?.["spec"]);
    expect({ sessionAffinity, ...(sessionAffinityConfig && { sessionAffinityConfig }) }).toEqual(expected);
  });

  test("is the load balancer, as it is asked for", () => {
    const loadBalancer = {
      className: "internal",
      sourceRanges: ["10.0.0.0/8"],
      port: 443,
      externalTrafficPolicy: "Local",
    };
    const it = expose(input(ofType("LoadBalancer", { loadBalancer, annotations: { a: "b" } })));
    expect(shared(it, "Service")).toMatchObject({
      metadata: { annotations: { a: "b" } },
      spec: {
        type: "LoadBalancer",
        loadBalancerClass: "internal",
        loadBalancerSourceRanges: ["10.0.0.0/8"],
        externalTrafficPolicy: "Local",
        ports: [{ port: 443, targetPort: "clients" }],
      },
    });
  });

  test("carries the cookie of controllers that look for it there, and what its user writes wins", () => {
    const cookie = "traefik.ingress.kubernetes.io/service.sticky.cookie";
    const it = (rest: object) => shared(expose(input(ofType("Ingress", rest))), "Service")?.metadata.annotations;
    expect(it({})).toMatchObject({ [cookie]: "true", "haproxy.org/cookie-persistence": "chat-gateway" });
    expect(it({ serviceAnnotations: { [cookie]: "false" }, annotations: { other: "x" } })).toMatchObject({
      [cookie]: "false",
    });
    expect(it({ annotations: { other: "x" } })).not.toHaveProperty("other");
    expect(it({ stickiness: "none" })).toBeUndefined();
  });
});

describe("the Ingress", () => {
  const ingress = (gateway: object) => shared(expose(input(gateway)), "Ingress");

  test("takes every path of its host, with its certificate", () => {
    const asked = { className: "nginx", host: "chat.example.com", tlsSecretName: "chat-tls" };
    expect(ingress(ofType("Ingress", { ingress: asked }))?.["spec"]).toEqual({
      ingressClassName: "nginx",
      tls: [{ hosts: ["chat.example.com"], secretName: "chat-tls" }],
      rules: [
        {
          host: "chat.example.com",
          http: {
            paths: [
              {
                path: "/",
                pathType: "Prefix",
                backend: { service: { name: "chat-gateway", port: { name: "clients" } } },
              },
            ],
          },
        },
      ],
    });
  });

  test.each<[string, object, Record<string, string | undefined>]>([
    [
      "a cookie where nothing is said",
      {},
      {
        "nginx.ingress.kubernetes.io/affinity": "cookie",
        "haproxy-ingress.github.io/session-cookie-name": "chat-gateway",
        "haproxy.org/cookie-persistence": undefined,
      },
    ],
    [
      "the client's address",
      { stickiness: "clientIP" },
      {
        "nginx.ingress.kubernetes.io/upstream-hash-by": "$binary_remote_addr",
        "nginx.ingress.kubernetes.io/affinity": undefined,
      },
    ],
    [
      "no stickiness",
      { stickiness: "none" },
      {
        "haproxy-ingress.github.io/affinity": undefined,
        "haproxy-ingress.github.io/timeout-tunnel": "3600s",
      },
    ],
    [
      "what its user writes",
      { annotations: { "haproxy-ingress.github.io/timeout-tunnel": "5s" } },
      { "haproxy-ingress.github.io/timeout-tunnel": "5s" },
    ],
  ])("%s", (_given, rest, expected) => {
    const annotations = ingress(ofType("Ingress", rest))?.metadata.annotations ?? {};
    expect(Object.fromEntries(Object.keys(expected).map((key) => [key, annotations[key]]))).toEqual(expected);
  });

  test("a connection may be silent for as long as socket.io's heartbeat allows", () => {
    const options = { pingInterval: 600_000, pingTimeout: 600_000 };
    const annotations = ingress({ options, ...ofType("Ingress") })?.metadata.annotations;
    expect(annotations?.["nginx.ingress.kubernetes.io/proxy-read-timeout"]).toBe("3600");
  });
});

describe("the HTTPRoute", () => {
  test("has no time limit, and a cookie where HTTPRoutes know one", () => {
    const it = (served: string[]) => shared(expose(input(route(), { served })), "HTTPRoute")?.["spec"];
    const rule = {
      matches: [{ path: { type: "PathPrefix", value: "/" } }],
      backendRefs: [{ name: "chat-gateway", port: 3000 }],
      timeouts: { request: "0s" },
    };
    expect(it([GATEWAY_API])).toEqual({ parentRefs: [{ name: "web" }], rules: [rule] });
    expect(it([GATEWAY_API, EXPERIMENTAL])).toEqual({
      parentRefs: [{ name: "web" }],
      rules: [{ ...rule, sessionPersistence: { sessionName: "chat-gateway", type: "Cookie" } }],
    });
  });

  test("is not tried where the Gateway API is missing: a condition says so, for good", () => {
    const { objects = [], obstacles = [] } = expose(input(route(), { served: [] }));
    expect(objects.map(({ kind }) => kind)).toEqual(["Service"]);
    expect(obstacles).toEqual([
      expect.objectContaining({ of: "expose", reason: "GatewayApiMissing", isLasting: true }),
    ]);
  });
});

describe("what stands in the way", () => {
  test.each<[string, object, KubeObject[], string[]]>([
    [
      "a load balancer without an address",
      ofType("LoadBalancer"),
      [live("Service", { loadBalancer: {} })],
      ["AddressPending"],
    ],
    ["a load balancer that is not there yet", ofType("LoadBalancer"), [], ["AddressPending"]],
    [
      "a load balancer with an address",
      ofType("LoadBalancer"),
      [live("Service", { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } })],
      [],
    ],
    ["an Ingress whose controller tells nothing", ofType("Ingress"), [live("Ingress", {})], []],
    ["a route that no Gateway has taken", route(), [live("HTTPRoute", { parents: [] })], ["RoutePending"]],
    ["a route that is taken", route(), [live("HTTPRoute", accepted("True"))], []],
    [
      "a cookie that HTTPRoutes do not know here",
      route({ stickiness: "cookie" }),
      [live("HTTPRoute", accepted("True"))],
      ["CookieNotServed"],
    ],
    [
      "an object that is not as it should be",
      ofType("LoadBalancer"),
      [live("Service", { loadBalancer: "?" })],
      ["AddressPending"],
    ],
  ])("%s", (_given, gateway, objects, reasons) => {
    const { obstacles = [] } = expose(input(gateway, { live: objects }));
    expect(obstacles.map(({ reason }) => reason)).toEqual(reasons);
  });
});

describe("endpoints", () => {
  const balanced = (ingress: object) => [live("Service", { loadBalancer: { ingress: [ingress] } })];
  test.each<[string, object, KubeObject[], object]>([
    ["inside alone", {}, [], { clients: "chat-gateway.default.svc:3000" }],
    ["with the API", { api: {} }, [], { clients: "chat-gateway.default.svc:3000", api: "chat-api.default.svc:3001" }],
    [
      "a balancer's address",
      ofType("LoadBalancer"),
      balanced({ ip: "192.0.2.1" }),
      { clients: "chat-gateway.default.svc:80", external: "http://192.0.2.1" },
    ],
    [
      "a balancer's IPv6 address",
      ofType("LoadBalancer"),
      balanced({ ip: "2001:db8::1" }),
      { clients: "chat-gateway.default.svc:80", external: "http://[2001:db8::1]" },
    ],
    [
      "a balancer's name, on another port",
      ofType("LoadBalancer", { loadBalancer: { port: 8080 } }),
      balanced({ hostname: "lb.example.com" }),
      { clients: "chat-gateway.default.svc:8080", external: "http://lb.example.com:8080" },
    ],
    [
      "an Ingress' host",
      ofType("Ingress", { ingress: { host: "chat.example.com", tlsSecretName: "tls" } }),
      [],
      { clients: "chat-gateway.default.svc:3000", external: "https://chat.example.com" },
    ],
    [
      "an Ingress' address",
      ofType("Ingress"),
      [live("Ingress", { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } })],
      { clients: "chat-gateway.default.svc:3000", external: "http://192.0.2.1" },
    ],
    [
      "a route's host",
      ofType("Gateway", { gateway: { parentRefs: [{ name: "web" }], hostnames: ["chat.example.com"] } }),
      [],
      { clients: "chat-gateway.default.svc:3000", external: "chat.example.com" },
    ],
  ])("%s", (_given, gateway, objects, expected) => {
    expect(endpointsOf(clusterOf({ gateway }), objects)).toEqual(expected);
  });
});
