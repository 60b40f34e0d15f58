import { serveRemote } from "../remote.ts";
import { createListeners } from "./listen.ts";

/** Some of the bench's clients, as a process of their own. */
const listeners = createListeners();
serveRemote({
  open: (url: string, count: number) => listeners.open(url, count),
  connected: () => listeners.connected(),
  sources: () => listeners.sources(),
  met: () => listeners.met(),
  restart: () => listeners.restart(),
});
