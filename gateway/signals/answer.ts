import type { Bus, Subscription } from "#adapter";
import { REPORT_REQUEST_TOPIC, reportRequest, reportTopic, type Report } from "#crds";

/** The JSON in `bytes`, or undefined where they hold none. */
export const jsonOf = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch {
    return undefined;
  }
};

/** Answers every request for a report with what `own` says at that moment, to the node that asks. */
export const answerReports = (bus: Bus, own: () => Report): Promise<Subscription> =>
  bus.subscribe(REPORT_REQUEST_TOPIC, (message) => {
    const request = reportRequest.safeParse(jsonOf(message));
    if (request.success) bus.publish(reportTopic(request.data.node), Buffer.from(JSON.stringify(own())));
  });
