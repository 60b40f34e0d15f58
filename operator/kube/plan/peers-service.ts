import { labelsOf, selectorOf } from "./labels.ts";
import type { Part } from "./model.ts";
import { childNames } from "./names.ts";
import { PORTS } from "./ports.ts";

/** The gateways' addresses, of every revision and also of those that end: that is when sessions must be passed on. */
export const peersService: Part = ({ topology: { cluster } }) => ({
  objects: [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: childNames(cluster).peers, labels: labelsOf(cluster, "gateway") },
      spec: {
        type: "ClusterIP",
        clusterIP: "None",
        publishNotReadyAddresses: true,
        selector: selectorOf(cluster, "gateway"),
        ports: (["clients", "control", "link"] as const).map((name) => ({
          name,
          port: PORTS[name],
          targetPort: name,
          protocol: "TCP",
        })),
      },
    },
  ],
});
