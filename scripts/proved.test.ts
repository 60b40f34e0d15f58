import { describe, expect, test } from "@jest/globals";
import { provedBy, provedTable, staleClaims } from "./proved.ts";

const ran = (...results: [ancestors: string[], title: string, status: string][]) =>
  provedBy({
    testResults: [
      { assertionResults: results.map(([ancestorTitles, title, status]) => ({ ancestorTitles, title, status })) },
    ],
  });

const RUN = ran(
  [["deliveries over Redis", "while all are there", "a room"], "is heard a|b", "passed"],
  [["deliveries over Redis", "while the server is away"], "nobody ends", "failed"],
  [["deliveries over the hub", "while all are there", "a room"], "is heard a|b", "passed"],
  [["deliveries over the hub"], "is quick", "passed"],
  [["the store on Redis"], "keeps", "passed"],
);

describe("the table of what was proved", () => {
  test("has a row for each sentence and a column for each server", () => {
    expect(provedTable(RUN)).toBe(
      [
        "|  | Redis | the hub |",
        "| --- | :-: | :-: |",
        String.raw`| a room is heard a\|b | ✓ | ✓ |`,
        "| while the server is away nobody ends | – | – |",
        "| is quick | – | ✓ |",
        "",
      ].join("\n"),
    );
  });
  test("is not stale where it says what the run says", () => expect(staleClaims(provedTable(RUN), RUN)).toEqual([]));
  test("is stale where a claim failed, or a sentence is missing", () => {
    const later = ran(
      [["deliveries over the hub", "a room"], "is heard a|b", "failed"],
      [["deliveries over the hub"], "is quick", "passed"],
      [["deliveries over the hub"], "is new", "passed"],
    );
    expect(staleClaims(provedTable(RUN), later)).toEqual([
      String.raw`the hub: “a room is heard a\|b” is claimed and was not proved`,
      "the hub: “is new” was proved and is not in the table",
    ]);
  });
  test("may say anything of a server that did not run", () => expect(staleClaims(provedTable(RUN), ran())).toEqual([]));
});
