import { describe, expect, test } from "@jest/globals";
import { silentLog } from "#process";
import { z } from "zod";
import { handle, handlers, handlersOf } from "./handlers.ts";
import { isReject, Reject, type Context } from "#runner";

const ctx: Context = {
  id: "1",
  key: "ada/1",
  user: "ada",
  event: "sum",
  attempt: 1,
  signal: new AbortController().signal,
  log: silentLog(),
  progress: () => {},
  to: () => ({ emit: () => {} }),
  toUser: () => ({ emit: () => {} }),
  broadcast: () => ({ emit: () => {} }),
};

describe("handle", () => {
  const numbers = z.object({ of: z.array(z.coerce.number()), from: z.number().default(0) });
  const sum = handle(numbers, ({ of, from }) => of.reduce((total, next) => total + next, from));

  test("gives the handler the schema's output", () => {
    expect(sum({ of: ["1", 2] }, ctx)).toBe(3);
  });

  test("rejects for good what the schema refuses, naming each path", () => {
    expect(() => sum({ of: ["x"], from: "y" }, ctx)).toThrow(/of\.0: .*; from: /);
    expect(() => sum(undefined, ctx)).toThrow(Reject);
  });

  test("waits for a schema that validates asynchronously", async () => {
    const slow = z.string().refine((text) => Promise.resolve(text !== "no"));
    const length = handle(
      {
        "~standard": {
          version: 1,
          vendor: "test",
          validate: async (value): Promise<{ value: string } | { issues: { message: string }[] }> => {
            const result = await slow.safeParseAsync(value);
            return result.success ? { value: result.data } : { issues: [{ message: "not that" }] };
          },
          types: { input: "", output: "" },
        },
      },
      (text) => text.length,
    );
    await expect(length("yes", ctx)).resolves.toBe(3);
    await expect(length("no", ctx)).rejects.toThrow("not that");
  });
});

const run = () => 1;

describe("handlers", () => {
  test("keeps handlers by event, known by a brand", () => {
    expect(handlersOf(handlers({ "chat:*": run }))).toEqual(new Map([["chat:*", run]]));
  });

  test.each([[undefined], [{}], [{ "chat:message": () => 1 }], [() => 1]])("%p is no handlers", (value) => {
    expect(handlersOf(value)).toBeUndefined();
  });
});

describe("Reject", () => {
  test("is known by its brand, not by its class", () => {
    const another = Object.assign(new Error("no"), { [Symbol.for("realtimecluster.dev/reject")]: true });
    expect(isReject(new Reject("no"))).toBe(true);
    expect(isReject(another)).toBe(true);
    expect(isReject(new Error("no"))).toBe(false);
  });
});
