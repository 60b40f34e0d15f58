import { canonical } from "../runtime/canonical.ts";
import { labelsOf } from "./labels.ts";
import type { Part } from "./model.ts";
import { childNames } from "./names.ts";
import { CONFIG_KEY } from "./pod-environment.ts";

/** What processes read again while they run: the pools. A change of it rolls nothing. */
export const liveConfig: Part = ({ topology: { cluster, liveConfig } }) => ({
  objects: [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: childNames(cluster).config, labels: labelsOf(cluster, "gateway") },
      data: { [CONFIG_KEY]: canonical(liveConfig) },
    },
  ],
});
