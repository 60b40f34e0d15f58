import { once } from "node:events";
import { createServer } from "node:net";
import { InvalidArgumentError } from "commander";
import { UserError } from "./user-error.ts";

/** A port as an option, with room for the API's behind it. */
export const parsePort = (text: string): number => {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_534)
    throw new InvalidArgumentError("a port is a number from 1 to 65534.");
  return port;
};

/** Throws a UserError that names the way out where `port` cannot be listened on. */
export const requireFree = async (host: string, port: number, what: string): Promise<void> => {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const why =
      code === "EADDRINUSE" ? "is in use" : code === "EACCES" ? "may not be used" : `cannot be used (${String(code)})`;
    throw new UserError(
      `port ${port}, for ${what}, ${why}: stop what listens there, or choose another with --port (clients) and the next one (API)`,
    );
  }
  server.close();
  await once(server, "close");
};
