import { z } from "zod";

/** What is used of jest's report. */
const report = z.object({
  testResults: z.array(
    z.object({
      assertionResults: z.array(
        z.object({ ancestorTitles: z.array(z.string()), title: z.string(), status: z.string() }),
      ),
    }),
  ),
});

/** By server: what its adapter's suite says, and whether that held. */
export type Proved = ReadonlyMap<string, ReadonlyMap<string, boolean>>;

const SUITE = "deliveries over ";
/** Groups that say nothing beyond the sentence. */
const SILENT = new Set(["while all are there"]);

/** What a run of the tests says of each server. Throws where the report is none of jest's. */
export const provedBy = (json: unknown): Proved => {
  const servers = new Map<string, Map<string, boolean>>();
  for (const { assertionResults } of report.parse(json).testResults)
    for (const { ancestorTitles, title, status } of assertionResults) {
      const [suite = "", ...groups] = ancestorTitles;
      if (!suite.startsWith(SUITE) || status === "pending") continue;
      const server = suite.slice(SUITE.length);
      const sentence = [...groups.filter((group) => !SILENT.has(group)), title].join(" ");
      const sentences = servers.get(server) ?? new Map<string, boolean>();
      servers.set(server, sentences.set(sentence, status === "passed"));
    }
  return servers;
};

const escaped = (text: string): string => text.replaceAll("|", String.raw`\|`);
const YES = "✓";
const NO = "–";

/** The table of sentences × servers, in the order of the suites. */
export const provedTable = (proved: Proved): string => {
  const servers = [...proved.keys()].sort();
  const sentences = [...new Set(servers.flatMap((server) => [...(proved.get(server)?.keys() ?? [])]))];
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  return (
    row(["", ...servers]) +
    row(["---", ...servers.map(() => ":-:")]) +
    sentences
      .map((sentence) =>
        row([escaped(sentence), ...servers.map((server) => (proved.get(server)?.get(sentence) === true ? YES : NO))]),
      )
      .join("")
  );
};

/** The page with the table. */
export const provedPage = (proved: Proved): string =>
  `<!-- DO NOT EDIT: what adapter/suite proved, written by PROVED=write npm test -- adapter -->

# Adapters

What a cluster of gateways does over each server, as the suite in [adapter/suite](../../adapter/suite) showed it with gateways, clients and servers as
processes of their own. A log is what carries deliveries with \`gateway.recovery\`. \`npm test\` fails where this page says anything else than it saw.

${provedTable(proved)}`;

/** What a table claims. */
const claims = (table: string): Map<string, Set<string>> => {
  const rows = table
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.slice(2, -2).split(" | "));
  const [[, ...servers] = [], , ...sentences] = rows;
  return new Map(
    servers.map((server, index) => [
      server,
      new Set(sentences.flatMap((cells) => (cells[index + 1] === YES ? [cells[0] ?? ""] : []))),
    ]),
  );
};

/** In which way a table says something else than what was proved; of servers that did not run it may say anything. */
export const staleClaims = (table: string, proved: Proved): string[] => {
  const claimed = claims(table);
  return [...proved].flatMap(([server, sentences]) => {
    const of = claimed.get(server) ?? new Set<string>();
    const held = new Set([...sentences].flatMap(([sentence, passed]) => (passed ? [escaped(sentence)] : [])));
    return [
      ...[...of.difference(held)].map((sentence) => `${server}: “${sentence}” is claimed and was not proved`),
      ...[...held.difference(of)].map((sentence) => `${server}: “${sentence}” was proved and is not in the table`),
    ];
  });
};
