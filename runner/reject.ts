const BRAND = Symbol.for("realtimecluster.dev/reject");

/**
 * Thrown by a handler that will never succeed with this payload: the job is dead-lettered at once, its sender gets `job:failed` with
 * the code `rejected` and this message. Known by a brand, so that a second copy of this module is no matter.
 */
export class Reject extends Error {
  readonly [BRAND] = true;
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "Reject";
  }
}

/** Whether `error` is a `Reject`, of whichever copy of this module. */
export const isReject = (error: unknown): error is Error =>
  typeof error === "object" && error !== null && BRAND in error;
