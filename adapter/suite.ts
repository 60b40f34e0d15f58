import { describe } from "@jest/globals";
import { bus } from "./suite/bus.ts";
import { emissions } from "./suite/emissions.ts";
import { emitters } from "./suite/emitters.ts";
import { useFixture } from "./suite/fixture.ts";
import { gate } from "./suite/gate.ts";
import { namespaces } from "./suite/namespaces.ts";
import { nodes } from "./suite/nodes.ts";
import { order } from "./suite/order.ts";
import { outage } from "./suite/outage.ts";
import { questions } from "./suite/questions.ts";
import { rooms } from "./suite/rooms.ts";
import { sockets } from "./suite/sockets.ts";
import type { DriverUnderTest } from "./testing/drivers.ts";

export type { DriverUnderTest } from "./testing/drivers.ts";

/**
 * What every driver must do, with three gateways as processes, real clients, and this process as one that is no gateway; then with a server
 * that goes and comes back. A driver declares what it promises beyond that, and only those cases are made.
 */
export const adapterSuite = (under: DriverUnderTest): void => {
  describe("while all are there", () => {
    const get = useFixture(under);
    emissions(get);
    rooms(get, under);
    namespaces(get);
    questions(get);
    sockets(get);
    emitters(get, under);
    order(get, under);
    gate(get, under);
    bus(get);
    nodes(get, under);
  });
  // Beside a Log nothing is delivered while its server is away: the Log's own suite says what then holds.
  if (under.recovery === undefined) describe("while the server is away", () => outage(under));
};
