export { openBudget, type SharedBudget, type Want } from "./budget.ts";
export { drain, type Closing } from "./drain.ts";
export { dueAt, paceWithin, shareOf, type Budget } from "./pace.ts";
