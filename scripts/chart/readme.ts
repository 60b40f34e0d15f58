import { optionsOf } from "./values.ts";

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const code = (value: unknown): string => `\`${JSON.stringify(value)}\``;

/** The README of the chart: `about` as it is, then a table of every option. */
export const chartReadme = (about: string, values: string): string =>
  [
    about.trimEnd(),
    "",
    "## Values",
    "",
    "| value | default | what it is |",
    "| --- | --- | --- |",
    ...optionsOf(values).map((it) => `| \`${it.path}\` | ${cell(code(it.default))} | ${cell(it.text)} |`),
    "",
  ].join("\n");
