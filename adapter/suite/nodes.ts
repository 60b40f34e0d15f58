import { describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import type { DriverUnderTest } from "../testing/drivers.ts";
import type { Fixture } from "./fixture.ts";

export const nodes = (get: () => Fixture, { promises }: DriverUnderTest): void => {
  describe("gateways among themselves", () => {
    test("hear server-side emissions of others, with binary", async () => {
      const { one, two, three } = get();
      await one.ask("serverSideEmit", { args: ["x", 1], binary: [7] });
      for (const other of [two, three])
        await eventually(async () => expect(await other.ask("serverSideHeard")).toEqual([["x", 1, [7]]]));
      expect(await one.ask("serverSideHeard")).toEqual([]);
    });
    test("answer them", async () => {
      const { one, two, three } = get();
      const answers = await one.ask("serverSideAsk");
      expect(answers).toHaveLength(2);
      expect(answers).toEqual(expect.arrayContaining([two.node, three.node]));
    });
  });

  describe("a gateway that is killed in the middle of a question", () => {
    const missing = (node: string) => (promises.namesMissing ? { missing: [node] } : {});
    test("does not keep the others' answers from the one who asked, who is told what is missing", async () => {
      const { cluster, one, two, three } = get();
      await using four = await cluster.gateway();
      await eventually(async () => expect(await one.ask("nodes")).toBe(4));
      const answer = await one.ask("serverSideAskPartially", { event: "die", args: [four.node] });
      expect(answer).toMatchObject({ error: expect.stringContaining("timeout"), ...missing(four.node) });
      expect(answer).toMatchObject({ responses: expect.arrayContaining([two.node, three.node]) });
      await four.process.exited;
      await eventually(async () => expect(await one.ask("nodes")).toBe(3));
    });
    test("does not keep the sockets of others from the one who looks for them", async () => {
      const { cluster, one } = get();
      await using four = await cluster.gateway();
      await eventually(async () => expect(await one.ask("nodes")).toBe(4));
      four.process.child.kill("SIGSTOP");
      const asked = one.ask("fetchPartially", { timeoutMs: 2000 });
      await four.process.kill("SIGKILL");
      const answer = await asked;
      expect(answer).toMatchObject({ error: expect.stringContaining("timeout"), ...missing(four.node) });
      if (promises.namesMissing) expect(answer).toMatchObject({ names: expect.arrayContaining(["anna", "ben"]) });
      await eventually(async () => expect(await one.ask("nodes")).toBe(3));
    });
  });

  test("a gateway that joins is heard, hears, and is asked", async () => {
    const { cluster, one, ben } = get();
    await using four = await cluster.gateway();
    using dora = await four.client("dora", ["four"]);
    await eventually(async () => expect(await one.ask("fetch", { rooms: ["four"] })).toHaveLength(1));
    await one.ask("emit", { rooms: ["four"], event: "hello" });
    await four.ask("emit", { rooms: ["two"], event: "thanks" });
    await eventually(() => {
      expect(dora.heard).toContainEqual(["hello"]);
      expect(ben.heard).toContainEqual(["thanks"]);
    });
    ben.heard.splice(0);
  });

  describe("membership", () => {
    test("everyone knows everyone", async () => {
      const { one, two, three } = get();
      const all = [one, two, three];
      await eventually(async () => {
        for (const { ask } of all)
          expect(await ask("members")).toEqual(expect.arrayContaining(all.map(({ node }) => node)));
      });
    });
    test("tells who was killed, and who said goodbye", async () => {
      const { cluster, one } = get();
      await using killed = await cluster.gateway();
      await using leaving = await cluster.gateway();
      await eventually(async () =>
        expect(await one.ask("members")).toEqual(expect.arrayContaining([killed.node, leaving.node])),
      );
      await killed.process.kill("SIGKILL");
      await leaving.ask("leaveCluster");
      await eventually(async () => {
        const left = await one.ask("left");
        expect(left).toContainEqual({ node: killed.node, goodbye: false });
        expect(left).toContainEqual({ node: leaving.node, goodbye: true });
        // Not asked once: what it said last may come late, and it is a member again until it has been silent once more.
        expect(await one.ask("members")).not.toContain(killed.node);
      });
    });
  });
};
