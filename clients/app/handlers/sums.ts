import { handle, handlers } from "@realtimecluster/worker";
import { z } from "zod";

export default handlers({
  "sum:of": handle(z.array(z.number()), (numbers) => numbers.reduce((sum, next) => sum + next, 0)),
});
