import { workerEnvironment } from "#crds";
import { runProcess } from "#process";
import { startWorker } from "./runtime/start.ts";

await runProcess("worker", workerEnvironment, startWorker);
