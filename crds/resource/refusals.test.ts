import { expect, test } from "@jest/globals";
import { API_VERSION, KIND, parseRealtimeCluster, RULES } from "#crds";
import { REFUSED, REFUSED_LATER } from "./refusals.ts";

test.each([...REFUSED, ...REFUSED_LATER].map((it) => [it.title, it] as const))(
  "%s: the command line refuses it with the message of the page",
  (_title, { spec, message }) => {
    const parsed = parseRealtimeCluster({ apiVersion: API_VERSION, kind: KIND, metadata: { name: "chat" }, spec });
    expect(parsed.ok ? [] : parsed.problems.map((problem) => problem.message)).toEqual([message]);
  },
);

test("every rule is on the page, at its own place", () => {
  const shown = [...REFUSED, ...REFUSED_LATER].map(({ message }) => message);
  // Names of a list-map are unique at the API server, and an editor's two pools of one name are found by the command line.
  const missing = RULES.filter(({ message }) => !shown.includes(message) && message !== "two pools have this name");
  expect(missing.map(({ message }) => message)).toEqual([]);
});
