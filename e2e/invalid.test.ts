import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "@jest/globals";
import { idle } from "./support/resource.ts";
import { ROOT } from "./support/settings.ts";
import { scenario, shared } from "./support/stage.ts";

/** The rows of the documentation's tables that have a spec. */
const ROWS = readFileSync(join(ROOT, "docs/invalid-resources.md"), "utf8")
  .split(/^Besides:|^#+ /m)
  .map((part) =>
    part.split("\n").flatMap((line) => {
      const [, what, spec, field, message] = /^\| (.+?) \| `(\{.*\})` \| `(.+?)` \| (.+?) \|$/.exec(line) ?? [];
      return what === undefined || spec === undefined || field === undefined || message === undefined
        ? []
        : [{ what, spec, field, message: message.replaceAll("\\|", "|") }];
    }),
  )
  .filter((rows) => rows.length > 0);

const manifest = (name: string, spec: string) =>
  `{"apiVersion":"realtimecluster.dev/v1alpha1","kind":"RealtimeCluster","metadata":{"name":"${name}"},"spec":${spec}}`;

describe("the API server refuses, in the words of the documentation,", () => {
  const it = shared("invalid", async () => {});
  const [refused = []] = ROWS;

  for (const { what, spec, field, message } of refused)
    it(what, async (stage) => {
      const said = await stage.apply(manifest("chat", spec)).then(
        () => "nothing",
        (error: unknown) => String(error),
      );
      expect(said).toContain(field);
      expect(said).toContain(message);
    });

  it("a name that leaves no room for the children's", async (stage) => {
    await expect(stage.apply(manifest("a".repeat(31), "{}"))).rejects.toThrow(/metadata\.name: at most 30/);
    await stage.apply(idle("a".repeat(30)));
  });

  it("a field that does not exist", async (stage) => {
    await expect(stage.apply(manifest("chat", '{"gatway":{}}'))).rejects.toThrow(/unknown field "spec\.gatway"/);
  });

  it("nothing of a spec that is empty", async (stage) => {
    await stage.kubectl("get", "rtc");
    expect(await stage.apply(manifest("empty", '{"gateway":{"replicas":0}}'))).toMatch(/created/);
  });
});

for (const { what, spec, field, message } of ROWS.slice(1).flat())
  scenario(`what only makes no sense together is a condition that names field and way out: ${what}`, async (stage) => {
    await stage.apply(manifest("chat", spec));
    const stalled = await stage.condition("chat", "Stalled", "True", { timeoutMs: 15_000 });
    expect(stalled.message).toContain(field);
    expect(stalled.message).toContain(message);
    await stage.condition("chat", "Ready", "False", { timeoutMs: 15_000 });
  });
