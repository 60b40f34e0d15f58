import { expect, test } from "@jest/globals";
import type { Deed } from "./act.ts";
import { clusterOf } from "../testing.ts";
import { topology } from "../topology/topology.ts";
import { eventsOf, scaledEventOf } from "./events-of.ts";

const deed = (name: string, rest: Partial<Deed> = {}): Deed => ({
  ref: { apiVersion: "v1", kind: "Service", namespace: "shop", name },
  what: "created",
  ...rest,
});
const messages = (...deeds: Deed[]) => eventsOf(deeds).map(({ message }) => message);

test("a few deeds are told one by one, with their numbers", () => {
  expect(messages(deed("a"), deed("b", { what: "grown", detail: "3Gi" }))).toEqual([
    "Created Service a",
    "Grown Service b to 3Gi",
  ]);
});

test("many of a kind are one event, so that what is told next is not drowned", () => {
  expect(messages(deed("a"), deed("b"), deed("c"), deed("d"), deed("e", { what: "removed" }))).toEqual([
    "Created 4 objects: Service a, Service b, Service c, Service d",
    "Removed Service e",
  ]);
});

test("a count is told where it is decided, with its reason, and not where it is written", () => {
  expect(messages(deed("b", { what: "scaled", detail: "3" }))).toEqual([]);
  const role = topology(clusterOf({ workers: [{ name: "mail", events: ["m:*"] }] }), { managedAs: "hub" }).roles.find(
    ({ pool }) => pool === "mail",
  );
  const decision = { from: 2, to: 7, reason: "Backlog" as const, detail: "backlog 640, target 100", at: 0 };
  expect(role && scaledEventOf({ role, decision })).toMatchObject({
    reason: "ScaledUp",
    message: "mail 2 → 7: backlog 640, target 100",
  });
});

test("a pass that did nothing tells nothing", () => expect(messages()).toEqual([]));
