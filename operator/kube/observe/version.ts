import { z } from "zod";
import { LABEL } from "../plan/labels.ts";
import type { KubeObject } from "../runtime/object.ts";
import { workloadsOf } from "./workload.ts";

const service = z.object({
  spec: z.object({ selector: z.record(z.string(), z.string()).optional() }).optional(),
});

/** The revision that the clients' Service selects. */
const selectedRevision = (live: readonly KubeObject[]): string | undefined =>
  live
    .filter(({ kind, metadata: { labels } }) => kind === "Service" && labels?.[LABEL.role] === "gateway")
    .map((it) => service.parse(it).spec?.selector?.[LABEL.revision])
    .find((it) => it !== undefined);

/** The data plane's release that serves: that of the gateways which the clients' Service selects, else of the newest that run. */
export const runningVersion = (live: readonly KubeObject[]): string | undefined => {
  const revision = selectedRevision(live);
  const gateways = workloadsOf(live).filter(({ kind, component }) => kind === "Deployment" && component === "gateway");
  const labelsOf = (it: (typeof gateways)[number] | undefined) => it?.spec.template.metadata.labels ?? {};
  const selected = gateways.find((it) => revision !== undefined && labelsOf(it)[LABEL.revision] === revision);
  return labelsOf(selected ?? gateways.at(-1))["app.kubernetes.io/version"];
};
