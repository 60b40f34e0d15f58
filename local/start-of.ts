import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const STATE = 0;
const START = 19;

/** The fields behind the program's name, which may hold anything. */
const fieldsOf = (stat: string): string[] => stat.slice(stat.lastIndexOf(")") + 2).split(" ");

/**
 * When a process started, in the system's own words: what tells it from a later one with the same number. Undefined where there is no
 * such process, or where it has ended and only its parent does not know yet.
 */
export const startOf = async (pid: number): Promise<string | undefined> => {
  try {
    if (process.platform !== "linux") {
      const { stdout } = await promisify(execFile)("ps", ["-o", "lstart=", "-p", String(pid)], {
        env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
      });
      return stdout.trim() || undefined;
    }
    const fields = fieldsOf(await readFile(`/proc/${pid}/stat`, "utf8"));
    return fields[STATE] === "Z" || fields[STATE] === "X" ? undefined : fields[START];
  } catch {
    return undefined;
  }
};
