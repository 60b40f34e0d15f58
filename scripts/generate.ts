/** Writes everything that is generated, or with --check tells what is not as it would be written. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { stringify } from "yaml";
import {
  crdManifest,
  environmentReference,
  errorReference,
  openapiDocument,
  refusalReference,
  resourceReference,
} from "#crds";
import { chartFiles } from "./chart.ts";

const SOURCE = "DO NOT EDIT: generated from crds/ by npm run generate";
const markdown = (text: string): string => `<!-- ${SOURCE} -->\n\n${text}`;

const crd = stringify(crdManifest(), { lineWidth: 0 });
const files: Record<string, string> = {
  "crds/realtimecluster.dev_realtimeclusters.yaml": `# ${SOURCE}\n${crd}`,
  "docs/reference/resource.md": markdown(resourceReference()),
  "docs/reference/errors.md": markdown(errorReference()),
  "docs/reference/environment.md": markdown(environmentReference()),
  "docs/reference/openapi.json": `${JSON.stringify(openapiDocument(), null, 2)}\n`,
  "docs/invalid-resources.md": markdown(refusalReference()),
  ...chartFiles(crd),
};

const stale = Object.entries(files).filter(([file, text]) => !existsSync(file) || readFileSync(file, "utf8") !== text);
if (process.argv.includes("--check")) {
  for (const [file] of stale) process.stderr.write(`${file} is not as it would be generated: run npm run generate\n`);
  process.exit(stale.length === 0 ? 0 : 1);
}
for (const [file, text] of stale) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  process.stdout.write(`wrote ${file}\n`);
}
