import { expect, test } from "@jest/globals";
import { releaseOf } from "./release.ts";

const releases = { own: "0.1.2", forNew: "0.1.3", repository: "realtime" };

test.each<[string, { asked?: string; running?: string; forNew?: string }, string, boolean]>([
  ["a new cluster gets what new ones get", {}, "0.1.3", true],
  ["one that runs keeps its own", { running: "0.1.0" }, "0.1.0", true],
  ["one that asks gets what it asks for", { running: "0.1.0", asked: "0.1.1" }, "0.1.1", true],
  ["one that asks for another series has a problem", { asked: "0.2.0" }, "0.2.0", false],
  ["whatever new ones get, one that runs is no worse for it", { running: "0.1.0", forNew: "0.2.0" }, "0.1.0", true],
  ["but new ones are", { forNew: "0.2.0" }, "0.2.0", false],
])("%s", (_, { asked, running, ...rest }, version, isServed) => {
  const { release, problems } = releaseOf({ asked, running }, { ...releases, ...rest });
  expect(release).toEqual({ version, image: `realtime:${version}` });
  expect(problems.map(({ path }) => path)).toEqual(isServed ? [] : ["spec.version"]);
});
