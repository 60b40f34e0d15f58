import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const MANIFEST = join(import.meta.dirname, "../../package.json");

/** What was built here, whatever its image's tag is. */
export const BUILD_VERSION = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(MANIFEST, "utf8"))).version;
