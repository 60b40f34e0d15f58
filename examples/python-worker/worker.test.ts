import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

test("the page on the wire shows the worker as it is", async () => {
  const worker = await readFile(join(import.meta.dirname, "worker.py"), "utf8");
  const page = await readFile(join(import.meta.dirname, "../../docs/wire.md"), "utf8");
  expect(page).toContain(`\`\`\`python\n${worker}\`\`\``);
});
