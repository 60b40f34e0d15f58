import { expect, test } from "@jest/globals";
import type { Deed } from "./act.ts";
import { eventsOf } from "./events-of.ts";

const deed = (name: string, rest: Partial<Deed> = {}): Deed => ({
  ref: { apiVersion: "v1", kind: "Service", namespace: "shop", name },
  what: "created",
  ...rest,
});
const messages = (...deeds: Deed[]) => eventsOf(deeds).map(({ message }) => message);

test("a few deeds are told one by one, with their numbers", () => {
  expect(messages(deed("a"), deed("b", { what: "scaled", detail: "3" }))).toEqual([
    "Created Service a",
    "Scaled Service b to 3",
  ]);
});

test("many of a kind are one event, so that what is told next is not drowned", () => {
  expect(messages(deed("a"), deed("b"), deed("c"), deed("d"), deed("e", { what: "removed" }))).toEqual([
    "Created 4 objects: Service a, Service b, Service c, Service d",
    "Removed Service e",
  ]);
});

test("a pass that did nothing tells nothing", () => expect(messages()).toEqual([]));
