import type { WriteStream } from "node:tty";

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

const CODES: Record<Style, readonly [number, number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Writes lines for people; without colour where there is no terminal or NO_COLOR is set. */
export interface Terminal {
  line(text?: string): void;
  /** On standard error. */
  problem(text: string): void;
  paint(style: Style, text: string): string;
  /** Rows in columns as wide as their widest cell. */
  table(rows: readonly (readonly string[])[]): void;
}

type Output = Pick<WriteStream, "write"> & { isTTY?: boolean };

/** The terminal over this process's outputs. */
export const createTerminal = (
  out: Output = process.stdout,
  errors: Output = process.stderr,
  env: NodeJS.ProcessEnv = process.env,
): Terminal => {
  const hasColour = out.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  const line = (text = "") => void out.write(`${text}\n`);
  return {
    line,
    problem: (text) => void errors.write(`${text}\n`),
    paint: (style, text) => (hasColour ? `\u001B[${CODES[style][0]}m${text}\u001B[${CODES[style][1]}m` : text),
    table: (rows) => {
      const widths = rows.reduce<number[]>((all, row) => row.map((cell, i) => Math.max(all[i] ?? 0, cell.length)), []);
      for (const row of rows)
        line(
          row
            .map((cell, i) => cell.padEnd(widths[i] ?? 0))
            .join("  ")
            .trimEnd(),
        );
    },
  };
};
