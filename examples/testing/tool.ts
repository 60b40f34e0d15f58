import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Fails with what is missing, and how to get it. */
export const tool = (command: string, args: readonly string[], options: object = {}): Promise<unknown> =>
  run(command, args, options).catch((error: NodeJS.ErrnoException) => {
    throw error.code === "ENOENT"
      ? new Error(`${command} is not there: apt-get install -y python3-pip golang-go`)
      : error;
  });

/** Installs packages of PyPI into `directory`, for PYTHONPATH. */
export const pip = (directory: string, ...packages: readonly string[]): Promise<unknown> =>
  tool("python3", ["-m", "pip", "install", "--quiet", "--target", directory, ...packages]);
