export { openBudget, type SharedBudget, type Want } from "./budget.ts";
export { drain, type Closing, type Drained } from "./drain.ts";
export { createLeaving, type Leaving } from "./leaving.ts";
export { otherSessions } from "./other-sessions.ts";
export { dueAt, mostPerSecond, paceWithin, shareOf, type Budget } from "./pace.ts";
