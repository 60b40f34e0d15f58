import { authRefresh } from "./auth-refresh.ts";
import { history } from "./history.ts";
import { jobCancel } from "./job-cancel.ts";
import { jobStatus } from "./job-status.ts";
import { presence } from "./presence.ts";
import { publish } from "./publish.ts";
import type { Answers, ReservedContext } from "./reserved.ts";
import { subscribe } from "./subscribe.ts";
import { unsubscribe } from "./unsubscribe.ts";

/** The reserved events and who answers them. */
export const createAnswers = (context: ReservedContext): Answers => ({
  subscribe: subscribe(context),
  unsubscribe: unsubscribe(),
  publish: publish(context),
  presence: presence(context),
  history: history(context),
  "job:status": jobStatus(context),
  "job:cancel": jobCancel(context),
  "auth:refresh": authRefresh(context),
});
