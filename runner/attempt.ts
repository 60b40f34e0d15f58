import type { EmitContext, Emitter } from "#adapter";
import type { Delivery as BrokerDelivery } from "#broker";
import { jobKey, type Job, type WorkerReport } from "#crds";
import type { Ended } from "./decide.ts";

/** One run of a job, from its arrival to its end. */
export class Attempt {
  readonly job: Job;
  readonly key: string;
  readonly attempt: number;
  /** ms since the epoch. */
  readonly since: number;
  progress: number | undefined;
  /** Resolves with the first end that this attempt comes to; later ones are ignored. */
  readonly ended: Promise<Ended>;
  #resolve: (ended: Ended) => void = () => {};
  #over = false;
  #controller: AbortController | undefined;
  #reason: Error | undefined;
  #emitter: Emitter | undefined;
  readonly #emitterOf: (context: EmitContext) => Emitter;

  constructor({ job, attempt }: BrokerDelivery, since: number, emitterOf: (context: EmitContext) => Emitter) {
    this.job = job;
    this.key = jobKey(job.user, job.id);
    this.attempt = attempt;
    this.since = since;
    this.#emitterOf = emitterOf;
    this.ended = new Promise((resolve) => (this.#resolve = resolve));
  }

  get over(): boolean {
    return this.#over;
  }

  /** Made when first asked for: most handlers never look. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Its emissions stay behind the sender's ack; in mode request the ack is the result, and they go before it. */
  get emitter(): Emitter {
    this.#emitter ??= this.#emitterOf(this.job.mode === "request" ? {} : { job: this.key });
    return this.#emitter;
  }

  end(ended: Ended): void {
    if (this.#over) return;
    this.#over = true;
    this.#resolve(ended);
  }

  /** Ends it and tells the handler by its signal, whose reason has `why` as its cause. */
  abort(why: (Ended & { how: "aborted" })["why"], message: string): void {
    if (this.#over) return;
    this.#reason = new DOMException(message, { name: why === "timeout" ? "TimeoutError" : "AbortError", cause: why });
    this.end({ how: "aborted", why });
    this.#controller?.abort(this.#reason);
  }

  /** Only jobs can be cancelled: a request is soon over, and a copy is not the sender's. */
  cancel(): void {
    if (this.job.mode === "job") this.abort("cancelled", "The job was cancelled");
  }

  report(): WorkerReport["inHand"][number] {
    const { job, attempt, since, progress } = this;
    return { id: job.id, user: job.user, event: job.event, attempt, since, progress };
  }
}
