/** What is generated of the chart: from crds/, from its own values, and the dashboard. */
import { readFileSync } from "node:fs";
import { crdTemplate } from "./chart/crd.ts";
import { dashboard } from "./chart/dashboard.ts";
import { chartReadme } from "./chart/readme.ts";

const CHART = "charts/realtime-operator";
const read = (file: string): string => readFileSync(`${CHART}/${file}`, "utf8");
const headerOf = (source: string): string => `DO NOT EDIT: generated from ${source} by npm run generate`;

/** The chart's generated files with their text; `crd` is the CustomResourceDefinition's YAML. */
export const chartFiles = (crd: string): Record<string, string> => ({
  [`${CHART}/templates/crd.yaml`]: crdTemplate(crd, headerOf("crds/")),
  [`${CHART}/files/dashboard.json`]: dashboard(headerOf("scripts/chart/dashboard.ts")),
  [`${CHART}/README.md`]: `<!-- ${headerOf(`${CHART}/README.in.md and values.yaml`)} -->\n\n${chartReadme(read("README.in.md"), read("values.yaml"))}`,
});
