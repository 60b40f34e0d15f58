import type { Facts, Judgement } from "./model.ts";

/** False where anyone may connect and do everything. */
export const authenticationConfigured = ({ cluster }: Facts): Judgement =>
  cluster.spec.gateway.auth === undefined
    ? {
        status: "False",
        reason: "Absent",
        message: "spec.gateway.auth is not set: anyone may connect, read and write every channel and send every event",
      }
    : { status: "True", reason: "Configured", message: "connections are authenticated" };
