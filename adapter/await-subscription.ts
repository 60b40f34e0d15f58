import { setTimeout as sleep } from "node:timers/promises";
import type { Namespace } from "socket.io";

const AT_MOST_MS = 1000;

/**
 * Lets clients into a namespace that is made while clients come (a dynamic one) only once it hears the other gateways; after a second
 * without that they come in all the same. The main namespace is there before the first client: `Delivery.ready` is its door.
 */
export const awaitSubscription = (nsp: Namespace, ready: Promise<void>): void => {
  if (nsp.name === "/") return;
  const settled = Promise.race([ready.catch(() => {}), sleep(AT_MOST_MS, undefined, { ref: false })]);
  nsp.use((_socket, next) => void settled.then(() => next()));
};
