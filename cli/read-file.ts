import { readFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { parseRealtimeCluster, type RealtimeCluster } from "#crds";
import { isNode, LineCounter, parseAllDocuments, type Document } from "yaml";
import { UserError } from "./user-error.ts";

/** The directory that the user is in, also behind `npm start`. */
export const userDirectory = (env: NodeJS.ProcessEnv = process.env): string => env["INIT_CWD"] ?? process.cwd();

/** A path as the user would write it. */
export const shownPath = (path: string): string => {
  const short = relative(userDirectory(), path);
  return short.startsWith("..") || short === "" ? path : short;
};

const keysOf = (path: string): (string | number)[] =>
  [...path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map(([, name, index]) =>
    index === undefined ? (name ?? "") : Number(index),
  );

/** The line of the field at `path`, or of the nearest one above it that is there. */
const lineOf = (document: Document, lines: LineCounter, path: string): number | undefined => {
  for (let keys = keysOf(path); keys.length > 0; keys = keys.slice(0, -1)) {
    const node = document.getIn(keys, true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
};

export interface Located {
  resource: RealtimeCluster;
  /** `<file>:<line>: <path>: <message>` */
  locate: (problem: { path: string; message: string }) => string;
}

/** The resource that `text` holds. Throws a UserError with a line per mistake. */
export const parseFile = (text: string, file: string): Located => {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const all = Array.isArray(documents) ? documents : [];
  const errors = all.flatMap(({ errors }) => errors);
  if (errors.length > 0)
    throw new UserError(
      ...errors.map(({ message, pos }) => `${file}:${lines.linePos(pos[0]).line}: ${message.split("\n")[0]}`),
    );
  const filled = all.filter((it) => it.contents !== null);
  const [document] = filled;
  if (document === undefined) throw new UserError(`${file}: is empty; it must hold a RealtimeCluster`);
  if (filled.length > 1) throw new UserError(`${file}: holds ${filled.length} documents; it must hold one`);
  const locate: Located["locate"] = ({ path, message }) => {
    const line = lineOf(document, lines, path);
    return [line === undefined ? file : `${file}:${line}`, ...(path === "" ? [] : [path]), message].join(": ");
  };
  const parsed = parseRealtimeCluster(document.toJS());
  if (!parsed.ok) throw new UserError(...parsed.problems.map(locate));
  return { resource: parsed.value, locate };
};

const REASONS: Record<string, string> = {
  ENOENT: "there is no such file",
  EISDIR: "is a directory; name the file in it",
  EACCES: "may not be read",
};

/** The text of a file. Throws a UserError that says why it cannot be read. */
export const readText = async (path: string): Promise<string> => {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw new UserError(`${shownPath(path)}: ${REASONS[code] ?? `cannot be read (${code})`}`);
  }
};

const EXAMPLE = resolve(import.meta.dirname, "../examples/chat/realtimecluster.yaml");

/** The file that a command means: as named, from where the user is; the example's where none is. */
export const fileOf = (named: string | undefined): string =>
  named === undefined ? EXAMPLE : resolve(userDirectory(), named);
