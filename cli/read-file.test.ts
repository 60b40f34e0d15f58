import { describe, expect, test } from "@jest/globals";
import { parseFile } from "./read-file.ts";
import { UserError } from "./user-error.ts";

const HEAD = "apiVersion: realtimecluster.dev/v1alpha1\nkind: RealtimeCluster\nmetadata: { name: chat }\n";

const problems = (text: string): readonly string[] => {
  try {
    parseFile(text, "it.yaml");
    return [];
  } catch (error) {
    return error instanceof UserError ? error.lines : [String(error)];
  }
};

describe("what is wrong with a file is said, a line each, with its place", () => {
  const cases: [string, string, (string | RegExp)[]][] = [
    ["nothing", `${HEAD}spec: {}\n`, []],
    ["it is empty", "", ["it.yaml: is empty; it must hold a RealtimeCluster"]],
    ["it has two documents", `${HEAD}---\n${HEAD}`, ["it.yaml: holds 2 documents; it must hold one"]],
    ["its YAML is broken", `${HEAD}spec: [1\n`, [/^it.yaml:5: /]],
    ["a key is there twice", `${HEAD}kind: X\n`, [/^it.yaml:4: .*unique/]],
    ["a field that nobody knows", `${HEAD}spec:\n  gatway: {}\n`, [/^it.yaml:5: spec.gatway: .*did you mean gateway/]],
    [
      "several mistakes",
      `${HEAD}spec:\n  gateway:\n    replicas: many\n  workers:\n    - name: a\n      events: ["a:*"]\n      mode: fast\n`,
      [/^it.yaml:6: spec.gateway.replicas: /, /^it.yaml:10: spec.workers\[0\].mode: /],
    ],
    ["it is a list", "- 1\n", [/^it.yaml: is \[1\], object is needed/]],
    ["it is a word", "hello\n", [/^it.yaml: is "hello"/]],
  ];
  test.each(cases)("%s", (_given, text, expected) => {
    const found = problems(text);
    expect(found).toEqual(expected.map((it) => (typeof it === "string" ? it : expect.stringMatching(it))));
  });
});
