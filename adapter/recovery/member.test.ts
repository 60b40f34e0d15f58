import { describe, expect, test } from "@jest/globals";
import type { Socket } from "socket.io";
import { hasUpTo, Member, type Standing } from "./member.ts";

const to = (rooms: string[], except: string[] = []) => ({ rooms: new Set(rooms), except: new Set(except) });
const memberOf = (standing: Partial<Standing> = {}): Member => {
  // Nothing of the socket but its namespace's name is asked for.
  const socket = { nsp: { name: "/" } } as Socket;
  const member = new Member(socket, { start: 10, known: 0, rooms: [["s", 10]], left: [], ...standing });
  member.recovers = true;
  return member;
};

describe("a socket that joined r at 20 and left it at 30", () => {
  const member = memberOf();
  member.join(["r"], 20);
  member.leave(["r"], 30);
  test.each([
    [15, ["r"], [], false],
    [20, ["r"], [], false],
    [21, ["r"], [], true],
    [29, ["r"], [], true],
    [31, ["r"], [], false],
    [25, ["s"], ["r"], false],
    [35, ["s"], ["r"], true],
    [10, [], [], false],
    [11, [], [], true],
    [25, ["other"], [], false],
  ])("is meant by the entry %d to %j but %j: %p", (index, rooms, except, meant) => {
    expect(member.isMeant(to(rooms, except), index)).toBe(meant);
  });
  test("is the same from what is kept of it", () => {
    const again = memberOf(member.standing(40));
    expect(again.isMeant(to(["r"]), 25)).toBe(true);
    expect(again.isMeant(to(["r"]), 35)).toBe(false);
  });
});

test("joining again does not move the place of the join", () => {
  const member = memberOf();
  member.join(["r"], 20);
  member.join(["r"], 40);
  expect(member.isMeant(to(["r"]), 30)).toBe(true);
});

test("one that had joined nothing yet begins with its first join", () => {
  const member = memberOf({ start: Infinity });
  expect(member.isMeant(to([]), 15)).toBe(false);
  member.join(["r"], 20);
  expect(member.isMeant(to([]), 20)).toBe(false);
  expect(member.isMeant(to([]), 21)).toBe(true);
});

test("of rooms left without number the oldest are forgotten, and from where all is known is said", () => {
  const member = memberOf();
  for (let index = 20; index < 420; index += 1) {
    member.join([`r${index}`], index);
    member.leave([`r${index}`], index + 1);
  }
  const { left, known } = member.standing(500);
  expect(left).toHaveLength(256);
  expect(known).toBe(164);
});

describe("a client that was given what stands at 20, 30 and 40, of what is known up to 90,", () => {
  test.each([
    [40, 90, "and has it all"],
    [95, 95, "and says that it has more"],
    [30, 39, "but not the last"],
    [15, 19, "but nothing of it"],
    [5, 5, "and something was lost before"],
  ])("up to %d has all up to %d: %s", (shown, expected) => {
    expect(hasUpTo(shown, { known: 10, given: [20, 30, 40], givenUpTo: 90 })).toBe(expected);
  });
});

test("of what a client was given the newest is known", () => {
  const member = memberOf();
  for (let index = 20; index < 120; index += 1) member.give(index);
  const standing = member.standing(500);
  expect(standing.given).toHaveLength(16);
  expect([hasUpTo(119, standing), hasUpTo(110, standing), hasUpTo(50, standing)]).toEqual([500, 110, 50]);
});
