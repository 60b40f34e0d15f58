import { describe, expect, test } from "@jest/globals";
import { nearestStep, retryDelayMs, retrySteps } from "./retry.ts";

const retry = { attempts: 5, backoffSeconds: 1, maxBackoffSeconds: 5 };

describe("retryDelayMs", () => {
  test.each([
    ["the first failure waits the backoff", retry, 1, 1000],
    ["each further one twice as long", retry, 2, 2000],
    ["up to the cap", retry, 4, 5000],
    ["after the last attempt there is none", retry, 5, undefined],
    ["an attempt beyond the last neither", retry, 9, undefined],
    ["one attempt means no retry", { ...retry, attempts: 1 }, 1, undefined],
    ["a cap below the backoff wins", { ...retry, backoffSeconds: 10 }, 1, 5000],
    ["parts of a second are kept", { ...retry, backoffSeconds: 0.1 }, 2, 200],
  ])("%s", (_sentence, settings, attempt, expected) => {
    expect(retryDelayMs(settings, attempt)).toBe(expected);
  });
});

describe("retrySteps", () => {
  test.each([
    ["are the waits in order, the cap once", { ...retry, attempts: 10 }, [1000, 2000, 4000, 5000]],
    ["are none where nothing is retried", { ...retry, attempts: 1 }, []],
    ["are few for many attempts", { attempts: 100, backoffSeconds: 30, maxBackoffSeconds: 60 }, [30_000, 60_000]],
  ])("%s", (_sentence, settings, expected) => {
    expect(retrySteps(settings)).toEqual(expected);
  });
});

describe("nearestStep", () => {
  test.each([
    ["an exact step", 2000, 2000],
    ["between two, the longer", 1500, 2000],
    ["beyond the last, the last", 9000, 4000],
  ])("%s", (_sentence, inMs, expected) => {
    expect(nearestStep([1000, 2000, 4000], inMs)).toBe(expected);
  });
  test("none without steps", () => expect(nearestStep([], 1)).toBeUndefined());
});
