/** A mistake or a circumstance that the user can mend: its lines are all that is shown, and the exit code is 1. */
export class UserError extends Error {
  readonly lines: readonly string[];
  constructor(...lines: string[]) {
    super(lines.join("\n"));
    this.name = "UserError";
    this.lines = lines;
  }
}
