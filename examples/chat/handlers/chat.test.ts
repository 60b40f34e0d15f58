import { describe, expect, test } from "@jest/globals";
import { rehearse } from "@realtimecluster/worker";
import chat from "./chat.ts";

describe("chat:message", () => {
  test("goes to everyone in the room, with its sender and the job's id", async () => {
    const { result, said } = await rehearse(chat, "chat:message", { channel: "lobby", text: " hi " }, { id: "7" });
    expect(result).toEqual({ id: "7" });
    expect(said).toEqual([
      {
        to: "channel:lobby",
        event: "chat:message",
        args: [{ id: "7", user: "ada", text: "hi", at: expect.any(Number) }],
      },
    ]);
  });

  test.each([
    { what: "no payload", payload: undefined },
    { what: "no text", payload: { channel: "lobby", text: "  " } },
    { what: "a room that is the cluster's own channel", payload: { channel: "jobs:chat", text: "hi" } },
    { what: "a text that is none", payload: { channel: "lobby", text: { toString: 1 } } },
  ])("with $what is rejected for good", async ({ payload }) => {
    await expect(rehearse(chat, "chat:message", payload)).rejects.toMatchObject({ name: "Reject" });
  });
});

describe("chat:slow", () => {
  test("tells its progress to its sender and to the room", async () => {
    const { said, progress, result } = await rehearse(chat, "chat:slow", { channel: "lobby", seconds: 0.5 });
    expect(progress).toEqual([0, 50, 100]);
    expect(said.map(({ event, args }) => [event, ...args])).toEqual(
      progress.map((percent) => ["chat:progress", { id: "1", user: "ada", progress: percent }]),
    );
    expect(result).toEqual({ id: "1", seconds: 0.5 });
  });

  test("ends when its attempt is aborted", async () => {
    const abort = new AbortController();
    const run = rehearse(chat, "chat:slow", { channel: "lobby", seconds: 60 }, { signal: abort.signal });
    abort.abort();
    await expect(run).rejects.toMatchObject({ name: "AbortError" });
  });
});
