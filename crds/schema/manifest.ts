import { GROUP, KIND, spec, VERSION } from "../resource/realtime-cluster.ts";
import { RULES } from "../resource/rules.ts";
import { status } from "./status.ts";
import { structuralSchema, withWholeDefaults, type Structural } from "./structural.ts";

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

const ready = (field: string): string => `.status.conditions[?(@.type=="Ready")].${field}`;

/** What `kubectl get rtc` shows; with `-o wide` the rest. */
const COLUMNS = [
  { name: "Ready", type: "string", jsonPath: ready("status"), description: "Whether this generation serves." },
  { name: "Reason", type: "string", jsonPath: ready("reason"), description: "Why it does, or does not." },
  { name: "Gateways", type: "string", jsonPath: ".status.gateways", description: "Ready and wanted." },
  { name: "Workers", type: "string", jsonPath: ".status.workers", description: "Ready and wanted, of all pools." },
  { name: "Backlog", type: "integer", jsonPath: ".status.backlog", description: "Jobs, waiting and in hand." },
  { name: "Version", type: "string", jsonPath: ".status.version", description: "The release that runs." },
  { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Since it was made." },
  { name: "Adapter", type: "string", jsonPath: ".spec.adapter.type", priority: 1, description: "spec.adapter.type" },
  { name: "Broker", type: "string", jsonPath: ".spec.broker.type", priority: 1, description: "spec.broker.type" },
  {
    name: "Endpoint",
    type: "string",
    jsonPath: ".status.endpoints.external",
    priority: 1,
    description: "Where clients outside find it.",
  },
  { name: "Message", type: "string", jsonPath: ready("message"), priority: 1, description: "Reason as a sentence." },
];

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
        additionalPrinterColumns: COLUMNS,
        schema: {
          openAPIV3Schema: {
            type: "object",
            description:
              "A realtime backend: socket.io gateways, an adapter between them, a broker and pools of workers.",
            required: ["spec"],
            properties: {
              apiVersion: { type: "string", description: `${GROUP}/${VERSION}` },
              kind: { type: "string", description: KIND },
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
