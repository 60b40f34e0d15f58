import { describe, expect, test } from "@jest/globals";
import { roll, type Revision } from "./roll.ts";

const rev = (hash: string, replicas: number, ready = replicas): Revision => ({ hash, replicas, ready });
const wanted = (hash: string, count = 2) => ({ hash, count });

describe("which revision takes new clients, which stay and which go", () => {
  type State = Parameters<typeof roll>[0];
  const cases: [string, State, { selected: string; stay: Record<string, number>; removed?: string[] }][] = [
    [
      "the first one is selected from the start",
      { revisions: [], selected: undefined, wanted: wanted("a") },
      { selected: "a", stay: { a: 2 } },
    ],
    [
      "nothing changes where nothing is to change",
      { revisions: [rev("a", 2)], selected: "a", wanted: wanted("a") },
      { selected: "a", stay: { a: 2 } },
    ],
    [
      "another count is no roll",
      { revisions: [rev("a", 2)], selected: "a", wanted: wanted("a", 5) },
      { selected: "a", stay: { a: 5 } },
    ],
    [
      "a new one comes up beside the old one",
      { revisions: [rev("a", 2)], selected: "a", wanted: wanted("b") },
      { selected: "a", stay: { a: 2, b: 2 } },
    ],
    [
      "with its own count, while the old one keeps its",
      { revisions: [rev("a", 3)], selected: "a", wanted: wanted("b", 7) },
      { selected: "a", stay: { a: 3, b: 7 } },
    ],
    [
      "a count that follows the load is the serving one's, too, while the new one is stuck",
      {
        revisions: [rev("a", 5), rev("b", 8, 3)],
        selected: "a",
        wanted: { ...wanted("b", 8), followsLoad: true },
      },
      { selected: "a", stay: { a: 8, b: 8 } },
    ],
    [
      "though not where it is lower, or once the new one takes over",
      {
        revisions: [rev("a", 5), rev("b", 3)],
        selected: "a",
        wanted: { ...wanted("b", 3), followsLoad: true },
      },
      { selected: "b", stay: { a: 5, b: 3 } },
    ],
    [
      "and not where nothing of it serves",
      {
        revisions: [rev("a", 1, 0), rev("b", 2, 0)],
        selected: "a",
        wanted: { ...wanted("b"), followsLoad: true },
      },
      { selected: "a", stay: { a: 1, b: 2 } },
    ],
    [
      "half of it ready is not enough",
      { revisions: [rev("a", 2), rev("b", 2, 1)], selected: "a", wanted: wanted("b") },
      { selected: "a", stay: { a: 2, b: 2 } },
    ],
    [
      "one that never gets ready leaves the old one serving",
      { revisions: [rev("a", 2), rev("b", 2, 0)], selected: "a", wanted: wanted("b") },
      { selected: "a", stay: { a: 2, b: 2 } },
    ],
    [
      "all of it ready takes over, and the old one is left until that is seen",
      { revisions: [rev("a", 2), rev("b", 2)], selected: "a", wanted: wanted("b") },
      { selected: "b", stay: { a: 2, b: 2 } },
    ],
    [
      "seen, the old one goes",
      { revisions: [rev("a", 2), rev("b", 2)], selected: "b", wanted: wanted("b") },
      { selected: "b", stay: { b: 2 }, removed: ["a"] },
    ],
    [
      "where the old one has nothing ready, one of the new is enough",
      { revisions: [rev("a", 2, 0), rev("b", 2, 1)], selected: "a", wanted: wanted("b") },
      { selected: "b", stay: { a: 2, b: 2 } },
    ],
    [
      "where neither has, it stays",
      { revisions: [rev("a", 2, 0), rev("b", 2, 0)], selected: "a", wanted: wanted("b") },
      { selected: "a", stay: { a: 2, b: 2 } },
    ],
    [
      "the new one selected and no longer ready: nothing goes back",
      { revisions: [rev("a", 2), rev("b", 2, 0)], selected: "b", wanted: wanted("b") },
      { selected: "b", stay: { b: 2 }, removed: ["a"] },
    ],
    [
      "one that was overtaken on its way goes at once",
      { revisions: [rev("a", 2), rev("b", 2, 1)], selected: "a", wanted: wanted("c") },
      { selected: "a", stay: { a: 2, c: 2 }, removed: ["b"] },
    ],
    [
      "a change undone before the switch keeps what serves",
      { revisions: [rev("a", 2), rev("b", 2, 1)], selected: "a", wanted: wanted("a") },
      { selected: "a", stay: { a: 2 }, removed: ["b"] },
    ],
    [
      "a change undone after the switch is a roll like any other",
      { revisions: [rev("b", 2)], selected: "b", wanted: wanted("a") },
      { selected: "b", stay: { a: 2, b: 2 } },
    ],
    [
      "no gateway is wanted: the new one is complete with none, and the old one goes next",
      { revisions: [rev("a", 2), rev("b", 0)], selected: "a", wanted: wanted("b", 0) },
      { selected: "b", stay: { a: 2, b: 0 } },
    ],
    [
      "from none to some: an empty old one is left as soon as one is ready",
      { revisions: [rev("a", 0), rev("b", 2, 1)], selected: "a", wanted: wanted("b") },
      { selected: "b", stay: { a: 0, b: 2 } },
    ],
    [
      "the Service was deleted in mid-roll: the old one that is ready has it",
      { revisions: [rev("a", 2), rev("b", 2, 1)], selected: undefined, wanted: wanted("b") },
      { selected: "a", stay: { a: 2, b: 2 } },
    ],
    [
      "the Service selects what is not there, and nothing is ready: the wanted one has it",
      { revisions: [rev("b", 2, 0)], selected: "x", wanted: wanted("b") },
      { selected: "b", stay: { b: 2 } },
    ],
    [
      "the old Deployment was deleted by hand: there is nothing to wait for",
      { revisions: [rev("b", 2, 0)], selected: "a", wanted: wanted("b") },
      { selected: "b", stay: { b: 2 } },
    ],
  ];
  test.each(cases)("%s", (_then, state, { selected, stay, removed = [] }) => {
    const next = roll(state);
    expect(next.selected).toBe(selected);
    expect(Object.fromEntries(next.revisions.map(({ hash, replicas }) => [hash, replicas]))).toEqual(stay);
    expect(next.removed).toEqual(removed);
  });
});

test("a roll from start to end switches once, and never leaves the Service without a ready gateway", () => {
  let revisions = [rev("a", 3)];
  let selected: string | undefined = "a";
  const switches: string[] = [];
  for (let pass = 0; pass < 12; pass += 1) {
    const next = roll({ revisions, selected, wanted: wanted("b", 3) });
    if (next.selected !== selected) switches.push(next.selected);
    selected = next.selected;
    revisions = next.revisions.map(({ hash, replicas }) => {
      const ready = revisions.find((it) => it.hash === hash)?.ready ?? -1;
      return rev(hash, replicas, Math.min(replicas, ready + 1));
    });
    expect(revisions.find(({ hash }) => hash === selected)?.ready).toBe(3);
  }
  expect(switches).toEqual(["b"]);
  expect(revisions).toEqual([rev("b", 3)]);
});
