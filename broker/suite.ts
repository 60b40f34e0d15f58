import { beforeAll, describe } from "@jest/globals";
import { createStage, type SuiteOptions } from "./suite/fixture.ts";
import { describeDeaths } from "./suite/deaths.ts";
import { describeFailures } from "./suite/failures.ts";
import { describeJobs } from "./suite/jobs.ts";
import { describeModes } from "./suite/modes.ts";
import { describeOrder } from "./suite/order.ts";
import { describeOutage } from "./suite/outage.ts";

export type { MortalServer, SuiteOptions } from "./suite/fixture.ts";

/** The cases of `orderBy` alone, for a driver whose other cases run on a server that does not order. */
export const describeBrokerOrder = (name: string, options: SuiteOptions): void => {
  let uri = "";
  describe(`broker ${name}`, () => {
    beforeAll(async () => {
      ({ uri } = await options.server());
    });
    describeOrder(
      createStage(options, () => uri),
      options,
    );
  });
};

/** The conformance suite of the port `Broker`: every driver passes the cases of what it promises. */
export const describeBroker = (name: string, options: SuiteOptions): void => {
  let uri = "";
  const stage = createStage(options, () => uri);

  describe(`broker ${name}`, () => {
    describe("with its server up", () => {
      beforeAll(async () => {
        ({ uri } = await options.server());
      });

      describeJobs(stage, options);
      describeDeaths(stage, options);
      describeFailures(stage, options);
      describeModes(stage);
      describeOrder(stage, options);
    });

    describeOutage(stage, options);
  });
};
