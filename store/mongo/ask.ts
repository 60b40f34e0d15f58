import type { Collections } from "./collections.ts";

/** How the parts of the store speak to the server: see `MongoConnection.ask`. */
export type Ask = <T>(commands: (of: Collections) => Promise<T>) => Promise<T>;

/** ms since the epoch, as the server has it: processes whose clocks differ agree on what is expired. */
export type Clock = () => number;
