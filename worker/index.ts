export { handle, handlers, type Handler, type Handlers } from "./sdk/handlers.ts";
export { isReject, Reject } from "./sdk/reject.ts";
export { connect, type Connection, type ConnectOptions } from "./sdk/connect.ts";
export { rehearse, type Rehearsal, type RehearsalOptions } from "./sdk/rehearse.ts";
export type { Context } from "./sdk/context.ts";
export type { StandardSchema } from "./sdk/standard-schema.ts";
