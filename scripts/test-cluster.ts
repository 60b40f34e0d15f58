/** `npm run test:cluster [-- suite …]`: the tests that need a Kubernetes API server, against the cluster of KUBECONFIG. */
import { spawnSync } from "node:child_process";

const { status } = spawnSync(
  process.execPath,
  [
    "node_modules/jest/bin/jest.js",
    "--config",
    "jest.cluster.json",
    "--runInBand",
    ...process.argv.slice(2).filter((argument) => argument !== "--"),
  ],
  {
    stdio: "inherit",
    env: { ...process.env, NODE_OPTIONS: "--experimental-vm-modules --disable-warning=ExperimentalWarning" },
  },
);
process.exit(status ?? 1);
