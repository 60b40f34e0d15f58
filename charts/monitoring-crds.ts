const relabelings = { type: "array", items: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
const strings = { type: "object", additionalProperties: { type: "string" } };
const duration = {
  type: "string",
  pattern: "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$",
};
const object = (properties: Record<string, unknown>, required: string[] = []) => ({
  type: "object",
  required,
  properties,
});
const selector = object({
  matchLabels: strings,
  matchExpressions: {
    type: "array",
    items: object({
      key: { type: "string" },
      operator: { type: "string" },
      values: { type: "array", items: { type: "string" } },
    }),
  },
});
const namespaceSelector = object({
  any: { type: "boolean" },
  matchNames: { type: "array", items: { type: "string" } },
});
const endpoint = object({
  port: { type: "string" },
  path: { type: "string" },
  interval: duration,
  scrapeTimeout: duration,
  relabelings,
  metricRelabelings: relabelings,
});
const text = { type: "string" };
const rule = object(
  {
    alert: text,
    expr: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] },
    for: duration,
    labels: strings,
    annotations: strings,
  },
  ["expr"],
);

const crd = (kind: string, plural: string, spec: object) => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${plural}.monitoring.coreos.com` },
  spec: {
    group: "monitoring.coreos.com",
    scope: "Namespaced",
    names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
    versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: object({ spec }, ["spec"]) } }],
  },
});

/** What the chart uses of the kinds of Prometheus' operator, in the shapes of its v1 API; a field that is not here is refused by a strict apply. */
export const monitoringCrds = [
  crd(
    "ServiceMonitor",
    "servicemonitors",
    object({ selector, namespaceSelector, endpoints: { type: "array", items: endpoint } }, ["selector", "endpoints"]),
  ),
  crd(
    "PodMonitor",
    "podmonitors",
    object({ selector, namespaceSelector, podMetricsEndpoints: { type: "array", items: endpoint } }, ["selector"]),
  ),
  crd(
    "PrometheusRule",
    "prometheusrules",
    object({
      groups: {
        type: "array",
        items: object({ name: text, rules: { type: "array", items: rule } }, ["name"]),
      },
    }),
  ),
];
