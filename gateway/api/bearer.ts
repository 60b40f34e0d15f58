import { createHash, timingSafeEqual } from "node:crypto";
import { Refusal } from "#crds";
import type { RequestHandler } from "express";

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();

const bearerOf = (header: string | undefined): string | undefined => /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];

/** Whether `presented` is one of `keys`, in a time that does not depend on which, or on how much of one it has right. */
export const isOneOf = (presented: string, keys: readonly string[]): boolean => {
  const digest = digestOf(presented);
  return keys.reduce((found, key) => timingSafeEqual(digest, digestOf(key)) || found, false);
};

/** Lets a request through that brings `Authorization: Bearer <key>` with one of `keys()`; others are `unauthorized`. */
export const authenticate =
  (keys: () => readonly string[]): RequestHandler =>
  (request, _response, next) => {
    const presented = bearerOf(request.headers.authorization);
    const known = keys().filter((key) => key !== "");
    next(presented !== undefined && isOneOf(presented, known) ? undefined : new Refusal("unauthorized"));
  };
