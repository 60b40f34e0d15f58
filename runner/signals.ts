import type { Bus, Subscription } from "#adapter";
import { CANCEL_TOPIC, REPORT_REQUEST_TOPIC, reportRequest, reportTopic, type WorkerReport } from "#crds";
import type { Log } from "#process";
import type { Cancels } from "./cancels.ts";
import type { Runner } from "./run.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

const LOOK_MS = 500;

/** Hears which jobs are cancelled. */
export const hearCancels = async (
  bus: Bus,
  cancels: Cancels,
  runner: Pick<Runner, "cancel">,
): Promise<AsyncDisposable> => {
  const subscription = await bus.subscribe(CANCEL_TOPIC, (message) => {
    const key = decoder.decode(message);
    cancels.heard(key);
    runner.cancel(key);
  });
  const timer = setInterval(() => cancels.look(), LOOK_MS).unref();
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await subscription[Symbol.asyncDispose]();
    },
  };
};

/** Answers whoever asks what the workers of this process do. */
export const answerReports = (bus: Bus, reports: () => Iterable<WorkerReport>, log: Log): Promise<Subscription> =>
  bus.subscribe(REPORT_REQUEST_TOPIC, (message) => {
    try {
      const { node } = reportRequest.parse(JSON.parse(decoder.decode(message)));
      for (const worker of reports()) bus.publish(reportTopic(node), encoder.encode(JSON.stringify({ worker })));
    } catch (error) {
      log.warn({ err: error }, "a request for a report is not understood");
    }
  });
