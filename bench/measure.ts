import { cpus, totalmem } from "node:os";

const RUNS = 5;

/** The median of `RUNS` runs, one after the other. */
export const median = async (run: () => Promise<number>): Promise<number> => {
  const results: number[] = [];
  for (let i = 0; i < RUNS; i++) results.push(await run());
  return results.sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? Number.NaN;
};

export const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor(sorted.length * share)] ?? Number.NaN;

/** A Markdown table on standard output. */
export const printTable = (head: readonly string[], rows: readonly (readonly string[])[]): void => {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |\n`;
  process.stdout.write(line(head) + line(widths.map((width) => "-".repeat(width))) + rows.map(line).join(""));
};

/** What the figures were taken on. */
export const machine = (runs: number = RUNS): string =>
  `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, ${runs === 1 ? "one run" : `medians of ${runs}`}`;
