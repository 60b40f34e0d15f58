import { ERRORS, Refusal, type ErrorCode } from "#crds";
import type { ErrorRequestHandler } from "express";
import { z } from "zod";

const detailOf = ({ issues }: z.ZodError): string =>
  issues
    .slice(0, 5)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`))
    .join("; ");

const httpStatusOf = (error: unknown): number | undefined =>
  error instanceof Error && "status" in error && typeof error.status === "number" ? error.status : undefined;

/** The refusal behind whatever a request failed with: ours, a schema's, a body that cannot be read, or `internal`. */
export const refusalOf = (error: unknown): Refusal => {
  if (error instanceof Refusal) return error;
  if (error instanceof z.ZodError) return new Refusal("invalid_payload", detailOf(error));
  const status = httpStatusOf(error);
  if (status === 413) return new Refusal("payload_too_large");
  if (status !== undefined && status >= 400 && status < 500)
    return new Refusal(
      "invalid_payload",
      "the request cannot be read: a path that is encoded right and a body of JSON are needed",
    );
  return new Refusal("internal", undefined, { cause: error });
};

/** Answers every error as `{ok: false, error: {code, message}}` with the status of the table. */
export const refuse =
  (refused: (code: ErrorCode) => void, failed: (error: unknown) => void): ErrorRequestHandler =>
  (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error);
    const refusal = refusalOf(error);
    if (refusal.code === "internal") failed(error);
    refused(refusal.code);
    if (refusal.code === "unauthorized") response.set("www-authenticate", "Bearer");
    response.status(ERRORS[refusal.code].status).json(refusal.body());
  };
