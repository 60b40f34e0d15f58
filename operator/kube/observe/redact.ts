const WORD =
  "(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|api[-_]?key|access[-_]?key|private[-_]?key|cookie)";
const named = (rest: string): RegExp => new RegExp(String.raw`(${WORD}[\w.-]{0,32}${rest}`, "gi");

/** What gives a secret away, and what stays of it; each is bounded, so that no text takes long. */
const RULES: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN ([A-Z ]*)PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, "***"],
  // A password may hold an @ that nobody escaped: up to the last one of the word.
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)([^\s:/@"'`<>]*):[^\s"'`<>]*@/gi, "$1$2:***@"],
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s:/@"'`<>]{12,}@/gi, "$1***@"],
  [/\b(Bearer|Basic)\s+(?=[^\s"']*[\d=._+/-]|[^\s"']{16})[^\s"',;]{6,}/gi, "$1 ***"],
  [/\beyJ[\w-]{5,}(?:\.[\w-]*){1,4}/g, "***"],
  // A Redis command as it is printed: name: 'auth', args: ['user', 'password'].
  [/((["'`]?)name\2\s*:\s*(["'`])(?:auth|hello)\3\s*,\s*(["'`]?)args\4\s*:\s*)\[[^\]]*\]?/gi, "$1[***]"],
  [new RegExp(String.raw`(--[\w-]{0,32}${WORD}[\w-]{0,32})(=|\s+)("[^"]*"?|'[^']*'?|\S+)`, "gi"), "$1$2***"],
  // "password": "two words", and the same inside a string of JSON.
  [named(String.raw`\\?["'\x60]?\s{0,4}(?:=>|=|:)\s{0,4})(\\?["'\x60])(?:(?!\2)[\s\S])*(\2|$)`), "$1$2***$3"],
  [named(String.raw`=)(?!\\?["'\x60]|\*\*\*)[^\s,;&"')\]}]+`), "$1***"],
  [/(pass(?:word|wd|phrase)\s{0,4}[:=]\s{1,4})(?!\\?["'`]|\*\*\*)[^\s,;&)\]}]+/gi, "$1***"],
  // A word that may as well be prose: only what has a digit.
  [named(String.raw`\s{0,4}[:=]\s{0,4})(?!\\?["'\x60]|\*\*\*)(?=\S*\d)[^\s,;&)\]}]{8,}`), "$1***"],
];

const LONG = /(?<![\w+/=-])(sha\d+[:-])?[\w+/-]{24,}={0,2}/g;
const HEX = /^[0-9a-f]{32,}$/i;

const kindOf = (character: string): string =>
  /\d/.test(character) ? "digit" : /[a-z]/.test(character) ? "lower" : /[A-Z]/.test(character) ? "upper" : "other";

/** Random characters change their kind all the time; words, paths and names do not. */
const looksRandom = (text: string): boolean => {
  if (HEX.test(text)) return true;
  const kinds = Array.from(text, kindOf);
  const changes = kinds.filter((kind, i) => i > 0 && kind !== kinds[i - 1]).length;
  const has = (kind: string) => kinds.includes(kind);
  return has("digit") && has("lower") && has("upper") && changes >= kinds.length * 0.4;
};

/** A text without what looks like a secret: passwords, in URIs too, tokens, keys, long random words. An image's digest stays. */
export const redact = (text: string): string =>
  RULES.reduce((rest, [pattern, kept]) => rest.replace(pattern, kept), text).replace(
    LONG,
    (word: string, digest: string | undefined) => (digest === undefined && looksRandom(word) ? "***" : word),
  );
