import { setTimeout as wait } from "node:timers/promises";
import { handlers } from "@realtimecluster/worker";

export default handlers({
  "bench:job": async () => {
    await wait(100);
    return { ok: true };
  },
});
