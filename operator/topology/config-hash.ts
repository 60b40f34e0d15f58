import { createHash } from "node:crypto";
import { canonical } from "../kube/runtime/canonical.ts";

/** Sixteen hex digits that change when `value` does, and not when its keys change places. */
export const configHash = (value: unknown): string =>
  createHash("sha256").update(canonical(value)).digest("hex").slice(0, 16);
