import { describe, expect, test } from "@jest/globals";
import { mergePodTemplate } from "./pod-template.ts";

const main = {
  name: "gateway",
  image: "ours:1",
  command: ["node", "main.ts"],
  env: [
    { name: "A", value: "1" },
    { name: "B", value: "2" },
  ],
  ports: [{ name: "clients", containerPort: 3000 }],
  volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
  securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
  livenessProbe: { httpGet: { path: "/healthz" }, periodSeconds: 10 },
};
const base = {
  metadata: { labels: { app: "x" } },
  spec: {
    securityContext: { runAsNonRoot: true },
    volumes: [{ name: "tmp", emptyDir: { sizeLimit: "1Gi" } }],
    containers: [main],
  },
};
const inMain = (over: object) => ({ spec: { containers: [{ name: "gateway", ...over }] } });
const withMain = (change: object) => ({ ...base, spec: { ...base.spec, containers: [{ ...main, ...change }] } });

describe("what a user says over what is generated", () => {
  const cases: [string, Record<string, unknown> | undefined, object][] = [
    ["nothing", undefined, base],
    [
      "a field of the pod",
      { spec: { nodeSelector: { a: "b" } } },
      { ...base, spec: { ...base.spec, nodeSelector: { a: "b" } } },
    ],
    ["null removes", inMain({ securityContext: null }), withMain({ securityContext: undefined })],
    ["a container of ours, by its name", inMain({ image: "mine:1" }), withMain({ image: "mine:1" })],
    [
      "a container beside ours",
      { spec: { containers: [{ name: "proxy", image: "p" }] } },
      { ...base, spec: { ...base.spec, containers: [main, { name: "proxy", image: "p" }] } },
    ],
    [
      "variables by name, whole",
      inMain({
        env: [
          { name: "B", valueFrom: { fieldRef: {} } },
          { name: "C", value: "3" },
        ],
      }),
      withMain({
        env: [
          { name: "A", value: "1" },
          { name: "B", valueFrom: { fieldRef: {} } },
          { name: "C", value: "3" },
        ],
      }),
    ],
    [
      "mounts by path",
      inMain({
        volumeMounts: [
          { name: "big", mountPath: "/tmp" },
          { name: "x", mountPath: "/x" },
        ],
      }),
      withMain({
        volumeMounts: [
          { name: "big", mountPath: "/tmp" },
          { name: "x", mountPath: "/x" },
        ],
      }),
    ],
    [
      "ports by number",
      inMain({
        ports: [
          { containerPort: 3000, hostPort: 80 },
          { containerPort: 9, name: "extra" },
        ],
      }),
      withMain({
        ports: [
          { name: "clients", containerPort: 3000, hostPort: 80 },
          { containerPort: 9, name: "extra" },
        ],
      }),
    ],
    [
      "a volume of another kind takes the place of ours",
      { spec: { volumes: [{ name: "tmp", persistentVolumeClaim: { claimName: "c" } }] } },
      { ...base, spec: { ...base.spec, volumes: [{ name: "tmp", persistentVolumeClaim: { claimName: "c" } }] } },
    ],
    [
      "a probe of another kind keeps our times",
      inMain({ livenessProbe: { exec: { command: ["true"] } } }),
      withMain({ livenessProbe: { exec: { command: ["true"] }, periodSeconds: 10 } }),
    ],
    ["lists without names are replaced", inMain({ command: ["sh"] }), withMain({ command: ["sh"] })],
    [
      "what is nonsense is left to the API server",
      { spec: { containers: "x" } },
      { ...base, spec: { ...base.spec, containers: "x" } },
    ],
  ];
  test.each(cases)("%s", (_what, over, expected) => {
    expect(mergePodTemplate(base, over)).toEqual(expected);
  });
});

test("tolerations are added to each other", () => {
  const merged = mergePodTemplate({ spec: { tolerations: [{ key: "a" }] } }, { spec: { tolerations: [{ key: "b" }] } });
  expect(merged).toEqual({ spec: { tolerations: [{ key: "a" }, { key: "b" }] } });
});

test("what is merged is not changed", () => {
  const before = structuredClone(base);
  mergePodTemplate(base, inMain({ env: [{ name: "A", value: "9" }], securityContext: null }));
  expect(base).toEqual(before);
});
