export { isReject, Reject, type Context, type Handler } from "#runner";
export { handle, handlers, type Handlers } from "./sdk/handlers.ts";
export { connect, type Connection, type ConnectOptions } from "./sdk/connect.ts";
export { rehearse, type Rehearsal, type RehearsalOptions } from "./sdk/rehearse.ts";
export type { StandardSchema } from "./sdk/standard-schema.ts";
