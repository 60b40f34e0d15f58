import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { InvalidArgumentError } from "commander";
import { UserError } from "./user-error.ts";

/** A port as an option, with room for the API's behind it. */
export const parsePort = (text: string): number => {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_534)
    throw new InvalidArgumentError("a port is a number from 1 to 65534.");
  return port;
};

const tryPort = async (host: string, port: number): Promise<string | undefined> => {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
  server.close();
  await once(server, "close");
  return undefined;
};

const LOOK_AGAIN_MS = 100;

/** Throws a UserError that names the way out where `port` cannot be listened on, also not after `patienceMs`. */
export const requireFree = async (host: string, port: number, what: string, patienceMs = 0): Promise<void> => {
  let code = await tryPort(host, port);
  for (let waited = 0; code === "EADDRINUSE" && waited < patienceMs; waited += LOOK_AGAIN_MS) {
    await delay(LOOK_AGAIN_MS);
    code = await tryPort(host, port);
  }
  if (code === undefined) return;
  const why = code === "EADDRINUSE" ? "is in use" : code === "EACCES" ? "may not be used" : `cannot be used (${code})`;
  throw new UserError(
    `port ${port}, for ${what}, ${why}: stop what listens there, or choose another with --port (clients) and the next one (API)`,
  );
};
