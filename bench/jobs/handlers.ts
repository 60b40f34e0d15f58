import { handlers } from "@realtimecluster/worker";

export default handlers({ "bench:job": () => Promise.resolve({ ok: true }) });
