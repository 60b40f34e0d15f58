import type { Release } from "../../topology/model.ts";

/** The release as a label: what a label cannot hold is a dash. In no selector, since it changes. */
export const versionLabel = (release: Release | undefined): Record<string, string> => {
  const value = (release?.version ?? "")
    .replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 63)
    .replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
  return value === "" ? {} : { "app.kubernetes.io/version": value };
};
