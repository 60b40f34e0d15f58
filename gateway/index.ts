export type { Ack, GatewayContext, GatewaySettings, HandlerFailure, Submission, Submit } from "./context.ts";
export { startGateway, type GatewayParts, type RunningGateway } from "./start.ts";
export { openWorkPlane, type WorkPlane } from "./work-plane.ts";
