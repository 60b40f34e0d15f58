import { describe, expect, test } from "@jest/globals";
import { contained, differences } from "./contained.ts";

const pod = (spec: object) => ({ spec: { template: { spec } } });
const container = (fields: object) => pod({ containers: [{ name: "web", ...fields }] });

describe("contained", () => {
  test.each<[string, object, object]>([
    ["the same", { a: 1, b: "x" }, { a: 1, b: "x" }],
    [
      "with the server's defaults beside it",
      container({ image: "a" }),
      container({ image: "a", imagePullPolicy: "Always" }),
    ],
    [
      "with another's annotation beside it",
      { metadata: { annotations: { a: "1" } } },
      { metadata: { annotations: { a: "1", b: "2" } } },
    ],
    [
      "with another's finalizer beside it",
      { metadata: { finalizers: ["a"] } },
      { metadata: { finalizers: ["b", "a"] } },
    ],
    [
      "with another owner beside it",
      { metadata: { ownerReferences: [{ uid: "1" }] } },
      { metadata: { ownerReferences: [{ uid: "0" }, { uid: "1", name: "a" }] } },
    ],
    ["with a container injected before it", container({}), pod({ containers: [{ name: "proxy" }, { name: "web" }] })],
    [
      "with a volume and a mount injected",
      container({ volumeMounts: [{ mountPath: "/tmp" }] }),
      container({ volumeMounts: [{ mountPath: "/token" }, { mountPath: "/tmp", name: "a" }] }),
    ],
    [
      "with an added variable",
      container({ env: [{ name: "A", value: "1" }] }),
      container({ env: [{ name: "B" }, { name: "A", value: "1" }] }),
    ],
    [
      "amounts written otherwise",
      container({ resources: { limits: { cpu: "1000m", memory: "1024Mi" } } }),
      container({ resources: { limits: { cpu: "1", memory: "1Gi" } } }),
    ],
    [
      "an amount as a number",
      container({ resources: { requests: { cpu: 0.25 } } }),
      container({ resources: { requests: { cpu: "250m" } } }),
    ],
    [
      "an amount of a volume",
      pod({ volumes: [{ name: "a", emptyDir: { sizeLimit: "1024Mi" } }] }),
      pod({ volumes: [{ name: "a", emptyDir: { sizeLimit: "1Gi" } }] }),
    ],
    ["a number as text", { spec: { maxUnavailable: "1" } }, { spec: { maxUnavailable: 1 } }],
    [
      "an empty value that was left out",
      container({ env: [{ name: "A", value: "" }] }),
      container({ env: [{ name: "A" }] }),
    ],
    ["false, 0 and lists of nothing that were left out", { spec: { a: false, b: 0, ingress: [] } }, { spec: {} }],
    ["labels of nothing that were left out", { metadata: { labels: {} } }, { metadata: {} }],
    ["null and undefined, which ask for nothing", { spec: { a: null, b: undefined } }, { spec: { a: 1 } }],
    [
      "the same port, its protocol left to the server",
      container({ ports: [{ containerPort: 80 }] }),
      container({
        ports: [
          { containerPort: 81, protocol: "TCP" },
          { containerPort: 80, protocol: "TCP" },
        ],
      }),
    ],
    [
      "a Service's port with what the server gave it",
      { spec: { ports: [{ port: 80 }] } },
      { spec: { ports: [{ port: 80, protocol: "TCP", nodePort: 30000 }] } },
    ],
    [
      "a list that belongs to one manager, filled up",
      { spec: { ingress: [{ ports: [{ port: 80 }] }] } },
      { spec: { ingress: [{ ports: [{ port: 80, protocol: "TCP" }] }] } },
    ],
  ])("%s", (_, desired, live) => {
    expect(differences(desired, live)).toEqual([]);
  });

  test.each<[string, object, object, string[]]>([
    [
      "another value",
      container({ image: "a" }),
      container({ image: "b" }),
      ["spec.template.spec.containers.[web].image"],
    ],
    ["a value that is gone", { spec: { replicas: 2 } }, { spec: {} }, ["spec.replicas"]],
    [
      "a volume of another kind",
      pod({ volumes: [{ name: "a", emptyDir: {} }] }),
      pod({ volumes: [{ name: "a", hostPath: { path: "/" } }] }),
      ["spec.template.spec.volumes.[a].emptyDir"],
    ],
    ["a container that is gone", container({}), pod({ containers: [] }), ["spec.template.spec.containers.[web]"]],
    ["false where true is", { spec: { hostNetwork: false } }, { spec: { hostNetwork: true } }, ["spec.hostNetwork"]],
    [
      "an argument more",
      container({ args: ["a"] }),
      container({ args: ["a", "b"] }),
      ["spec.template.spec.containers.[web].args"],
    ],
    [
      "arguments in another order",
      container({ args: ["a", "b"] }),
      container({ args: ["b", "a"] }),
      ["spec.template.spec.containers.[web].args.[0]", "spec.template.spec.containers.[web].args.[1]"],
    ],
    [
      "a selector that selects less",
      { spec: { selector: { app: "a" } } },
      { spec: { selector: { app: "a", v: "1" } } },
      ["spec.selector.v"],
    ],
    ["a peer that was closed, opened", { spec: { ingress: [] } }, { spec: { ingress: [{}] } }, ["spec.ingress"]],
    [
      "a pod selector that meant all",
      { spec: { podSelector: {} } },
      { spec: { podSelector: { matchLabels: { a: "1" } } } },
      ["spec.podSelector.matchLabels"],
    ],
    [
      "a network policy's port more",
      { spec: { ingress: [{ ports: [{ port: 80 }] }] } },
      { spec: { ingress: [{ ports: [{ port: 80 }, { port: 22 }] }] } },
      ["spec.ingress.[0].ports"],
    ],
    [
      "another amount",
      container({ resources: { limits: { cpu: "1" } } }),
      container({ resources: { limits: { cpu: "1001m" } } }),
      ["spec.template.spec.containers.[web].resources.limits.cpu"],
    ],
    ["text that looks like the same amount", { data: { a: "1000m" } }, { data: { a: "1" } }, ["data.a"]],
    ["a finalizer that is gone", { metadata: { finalizers: ["a"] } }, { metadata: {} }, ["metadata.finalizers"]],
    ["something of another shape", { spec: { a: ["x"] } }, { spec: { a: "x" } }, ["spec.a"]],
  ])("not: %s", (_, desired, live, paths) => {
    expect(differences(desired, live).map(({ path }) => path)).toEqual(paths);
    expect(contained(desired, live)).toBe(false);
  });
});
