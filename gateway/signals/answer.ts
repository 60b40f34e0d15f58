import type { Bus, Subscription } from "#adapter";
import { REPORT_REQUEST_TOPIC, reportRequest, reportTopic, type GatewayReport } from "#crds";
import type { Intake } from "./intake.ts";

/** The JSON in `bytes`, or undefined where they hold none. */
export const jsonOf = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch {
    return undefined;
  }
};

/** Answers every request for a report with what `own` says at that moment, to the node that asks, and again, as urgent, when this gateway has taken more than that has room for. */
export const answerReports = (
  bus: Bus,
  own: () => GatewayReport,
  intake: Pick<Intake, "watch">,
): Promise<Subscription> =>
  bus.subscribe(REPORT_REQUEST_TOPIC, (message) => {
    const request = reportRequest.safeParse(jsonOf(message));
    if (!request.success) return;
    const { node, room = {} } = request.data;
    const tell = (more: object) =>
      bus.publish(reportTopic(node), Buffer.from(JSON.stringify({ gateway: own(), ...more })));
    intake.watch(node, room, () => tell({ urgent: true }));
    tell({});
  });
