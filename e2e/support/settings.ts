import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

export const ROOT = join(import.meta.dirname, "../..");

/** The project's version, which is the chart's and the tag of both images. */
export const VERSION = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"))).version;

/** The operator's and the data plane's image. */
export const DEFAULT_IMAGE = `realtimecluster/realtime:${VERSION}`;
export const IMAGE = process.env["E2E_IMAGE"] ?? DEFAULT_IMAGE;

/** The example's image: E2E_CHAT_IMAGE, or the chat of the same tag. */
export const CHAT_IMAGE = process.env["E2E_CHAT_IMAGE"] ?? `realtimecluster/chat:${VERSION}`;

/** Where what is measured is kept, a JSON line each; undefined: only in the test's own output. */
export const FIGURES = process.env["E2E_FIGURES"];

/** Where a failed test leaves what the cluster said. */
export const ARTIFACTS = join(import.meta.dirname, "../.artifacts");

/** A name that no other test has: tests share the cluster. */
export const unique = (prefix: string, random: () => number = Math.random): string =>
  `${prefix}-${random().toString(36).slice(2, 8).padEnd(6, "0")}`;

/** The label that every namespace of this run has, `e2e=<run>`. */
export const runLabel = (): string => process.env["E2E_RUN"] ?? "by-hand";
