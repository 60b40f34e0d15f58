import { stripVTControlCharacters } from "node:util";
import { redact } from "./redact.ts";

const LIMIT = 256;
/** What is longer is not looked at: enough for 256 characters, however much is redacted. */
const MOST = 4096;
/** Of a log's tail, the kubelet keeps so many bytes: what is as long begins in the middle of something. */
const TAIL_BYTES = 2048;

const CONTROLS = /[\p{Cc}\u2028\u2029]+/gu;

/** At most `limit` UTF-16 units, cut between two characters as a reader sees them. */
export const cut = (text: string, limit = LIMIT): string => {
  if (text.length <= limit) return text;
  let kept = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (kept.length + segment.length > limit - 1) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
};

/** One line for a person: no secrets, no control characters, at most 256 characters. */
export const sentence = (text: string): string =>
  cut(
    redact(stripVTControlCharacters(text.slice(0, MOST)))
      .replace(CONTROLS, " ")
      .replace(/ {2,}/g, " ")
      .trim(),
  );

interface Line {
  isError: boolean;
  text: string;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const firstLine = (text: string) => text.trim().split("\n", 1)[0] ?? "";
const ASIDE = new Set(["level", "time", "role", "instance", "pid", "hostname", "msg", "err"]);

/** A line of our log: its message, the error's, and the fields that are short. */
const ownLine = (line: string): Line | undefined => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isRecord(parsed) || typeof parsed["msg"] !== "string") return undefined;
  const { level, msg, err } = parsed;
  const error = isRecord(err) && typeof err["message"] === "string" ? [firstLine(err["message"])] : [];
  const fields = Object.entries(parsed)
    .filter(([key, value]) => !ASIDE.has(key) && typeof value !== "object")
    .map(([key, value]) => `${key}=${String(value)}`);
  return {
    isError: level === "error" || level === "fatal" || (typeof level === "number" && level >= 50),
    text: [[msg, ...error].join(": "), ...fields].join(" "),
  };
};

const unescaped = (text: string): string => {
  try {
    const value: unknown = JSON.parse(`"${text}"`);
    return typeof value === "string" ? value : text;
  } catch {
    return text;
  }
};

/** The end of a line of our log whose beginning is lost: what can still be read of it. */
const cutLine = (line: string): Line | undefined => {
  if (!line.endsWith("}")) return undefined;
  const valueOf = (key: string) => {
    const found = new RegExp(String.raw`"${key}":"((?:[^"\\]|\\.)*)"`).exec(line)?.[1];
    return found === undefined ? [] : [unescaped(found)];
  };
  const [msg] = valueOf("msg");
  if (msg === undefined) return undefined;
  const cause = /caused by: (?:[\w.]+: )?((?:[^"\\]|\\[^n])*)/.exec(line)?.[1];
  // The first word may be half a secret.
  const end = /^[^\s"]*\s((?:[^"\\]|\\.)*)","stack":/.exec(line)?.[1];
  const [error] = [
    ...valueOf("message"),
    ...valueOf("stack").map((text) => text.replace(/^[\w.]*Error(?: \[\w+\])?: /, "")),
    ...[end, cause].flatMap((text) => (text === undefined ? [] : [unescaped(text)])),
  ];
  return { isError: true, text: error === undefined ? msg : `${msg}: ${firstLine(error)}` };
};

const isFrame = (line: string): boolean =>
  /^\s+at |^\s*\^+\s*$|^Node\.js v\d|^\s*[}\])]+;?\s*$|^\s*\.\.\. \d+ (?:more|lines)/.test(line);
const COMPLAINT = /error|cannot|can't|fatal|failed|failure|denied|refused|panic|not found|unable|invalid|exception/i;

const plainLine = (line: string): Line => ({ isError: COMPLAINT.test(line), text: line.trim() });

/** A thrown error's first line says what it is; what it carries besides is printed behind it. */
const thrown = (lines: readonly string[]): string | undefined =>
  lines.findLast(
    (line, i) =>
      /^(?:Uncaught )?[A-Za-z.]*(?:Error|Exception)\b[^:]*: \S/.test(line) && /^\s+at /.test(lines[i + 1] ?? ""),
  );

/**
 * Why a container ended, from the end of its log: the last error that it told, else the last that it said; one line, redacted, at most
 * 256 characters. Undefined where it said nothing.
 */
export const lastWords = (tail: string | undefined): string | undefined => {
  if (tail === undefined) return undefined;
  const all = stripVTControlCharacters(tail).split(/\r?\n/);
  const isCut = Buffer.byteLength(tail) >= TAIL_BYTES - 1;
  const [head = "", ...rest] = all;
  const partial = isCut ? cutLine(head) : undefined;
  const isAlone = partial === undefined && rest.every((line) => line.trim() === "");
  const whole = !isCut ? all : isAlone ? [head.slice(head.search(/\s/) + 1)] : rest;
  const raw = whole.filter((line) => line.trim() !== "");
  const error = thrown(raw);
  const lines: Line[] = [
    ...(partial === undefined ? [] : [partial]),
    ...raw.filter((line) => !isFrame(line)).map((line) => ownLine(line) ?? plainLine(line)),
  ];
  const said = error ?? (lines.findLast(({ isError }) => isError) ?? lines.at(-1))?.text;
  const words = said === undefined ? "" : sentence(said.replace(/^cannot start: /, ""));
  return words === "" ? undefined : words;
};
