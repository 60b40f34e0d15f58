import { appendFile } from "node:fs/promises";
import { z } from "zod";
import { FIGURES } from "./settings.ts";

export const figure = z.object({
  name: z.string(),
  value: z.number(),
  unit: z.string(),
  /** What it should be at most. */
  aim: z.number().optional(),
});
export type Figure = z.infer<typeof figure>;

/** Keeps a figure for the table at the end. */
export const measured = async (name: string, value: number, unit: string, aim?: number): Promise<void> => {
  const it: Figure = { name, value: Math.round(value * 100) / 100, unit, ...(aim === undefined ? {} : { aim }) };
  if (FIGURES !== undefined) await appendFile(FIGURES, `${JSON.stringify(it)}\n`);
};

/** Seconds that `work` took. */
export const secondsOf = async (
  work: () => Promise<unknown>,
  now: () => number = performance.now.bind(performance),
) => {
  const start = now();
  await work();
  return (now() - start) / 1000;
};

/** The lines of a figures file as a Markdown table. */
export const tableOf = (lines: string): string => {
  const figures = lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => figure.parse(JSON.parse(line)));
  const rows = figures.map(
    ({ name, value, unit, aim }) => `| ${name} | ${value} ${unit} | ${aim === undefined ? "" : `${aim} ${unit}`} |`,
  );
  return ["| what | measured | aim |", "| --- | --- | --- |", ...rows].join("\n");
};
