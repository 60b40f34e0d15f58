import { GROUP, KIND, spec, VERSION } from "../resource/realtime-cluster.ts";
import { RULES } from "../resource/rules.ts";
import { structuralSchema, withWholeDefaults, type Structural } from "./structural.ts";

const condition: Structural = {
  type: "object",
  required: ["type", "status", "reason", "message", "lastTransitionTime"],
  properties: {
    type: { type: "string", maxLength: 316 },
    status: { type: "string", enum: ["True", "False", "Unknown"] },
    observedGeneration: { type: "integer", format: "int64" },
    lastTransitionTime: { type: "string", format: "date-time" },
    reason: { type: "string", maxLength: 1024 },
    message: { type: "string", maxLength: 32768 },
  },
};

const status: Structural = {
  type: "object",
  description: "What is; written by the operator alone.",
  "x-kubernetes-preserve-unknown-fields": true,
  properties: {
    observedGeneration: { type: "integer", format: "int64" },
    version: { type: "string", maxLength: 64, description: "The data plane's release that runs." },
    conditions: {
      type: "array",
      maxItems: 16,
      items: condition,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["type"],
    },
    gateways: { type: "string", maxLength: 32, description: "Ready and wanted gateways: 2/2." },
    workers: { type: "string", maxLength: 32, description: "Ready and wanted workers of all pools." },
    backlog: { type: "integer", format: "int64", description: "Jobs of all pools, waiting and in hand." },
  },
};

/** `workers` is a list-map by name, so that two appliers can own a pool each. */
const withListMap = (it: Structural): Structural => ({
  ...it,
  description: "What a realtime backend is made of; every field has a default that works.",
  properties: {
    ...it.properties,
    workers: { ...it.properties?.["workers"], "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] },
  },
});

const NAME_RULE = {
  rule: "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 30",
  message:
    "metadata.name: at most 30 lower-case letters, digits and '-', beginning with a letter, so that the children's names fit",
};

/** The CustomResourceDefinition, from the zod schema. */
export const crdManifest = (): object => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `realtimeclusters.${GROUP}` },
  spec: {
    group: GROUP,
    scope: "Namespaced",
    names: {
      kind: KIND,
      listKind: `${KIND}List`,
      plural: "realtimeclusters",
      singular: "realtimecluster",
      shortNames: ["rtc"],
      categories: ["all"],
    },
    versions: [
      {
        name: VERSION,
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [
          { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
          { name: "Reason", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
          { name: "Gateways", type: "string", jsonPath: ".status.gateways" },
          { name: "Workers", type: "string", jsonPath: ".status.workers" },
          { name: "Backlog", type: "integer", jsonPath: ".status.backlog" },
          { name: "Adapter", type: "string", jsonPath: ".spec.adapter.type", priority: 1 },
          { name: "Broker", type: "string", jsonPath: ".spec.broker.type", priority: 1 },
          { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
        ],
        schema: {
          openAPIV3Schema: {
            type: "object",
            description:
              "A realtime backend: socket.io gateways, an adapter between them, a broker and pools of workers.",
            required: ["spec"],
            properties: {
              apiVersion: { type: "string" },
              kind: { type: "string" },
              metadata: { type: "object" },
              spec: withListMap(withWholeDefaults(structuralSchema(spec, RULES))),
              status,
            },
            "x-kubernetes-validations": [NAME_RULE],
          },
        },
      },
    ],
  },
});
