import { labelsOf, selectorOf } from "./labels.ts";
import type { Part } from "./model.ts";
import { childNames } from "./names.ts";

/** The HTTP API, where there is one: any gateway answers, of whatever revision. */
export const apiService: Part = ({ cluster: { spec }, topology: { cluster } }) =>
  spec.gateway.api === undefined
    ? {}
    : {
        objects: [
          {
            apiVersion: "v1",
            kind: "Service",
            metadata: { name: childNames(cluster).api, labels: labelsOf(cluster, "gateway") },
            spec: {
              type: "ClusterIP",
              selector: selectorOf(cluster, "gateway"),
              ports: [{ name: "api", port: spec.gateway.api.port, targetPort: "api", protocol: "TCP" }],
            },
          },
        ],
      };
