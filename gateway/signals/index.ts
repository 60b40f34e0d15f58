export { answerReports } from "./answer.ts";
export { createIntake, type Intake } from "./intake.ts";
export { openSignals, type Signals, type SignalsOptions } from "./open-signals.ts";
export { watchLag } from "./lag.ts";
