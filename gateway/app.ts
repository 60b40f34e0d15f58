import { pathToFileURL } from "node:url";
import type { Server, ServerOptions } from "socket.io";
import { z } from "zod";

/** An existing socket.io app: its options, and what it does with the server. */
export interface App {
  options: Partial<ServerOptions>;
  start: (io: Server) => unknown;
}

const appModule = z.object({
  default: z.custom<App["start"]>((it) => typeof it === "function", "export default (io: Server) => {…} is missing"),
  options: z
    .custom<App["options"]>((it) => typeof it === "object" && it !== null, "options is not an object")
    .default({}),
});

/** Imports the module of `gateway.app`. Rejects with an Error that names it where it cannot be loaded or is none. */
export const loadApp = async (path: string): Promise<App> => {
  try {
    const module: unknown = await import(pathToFileURL(path).href);
    const { default: start, options } = appModule.parse({ ...(module as object) });
    return { start, options };
  } catch (error) {
    const why = error instanceof z.ZodError ? error.issues.map(({ message }) => message).join("; ") : String(error);
    throw new Error(`gateway.app: ${path}: ${why}`, { cause: error });
  }
};
