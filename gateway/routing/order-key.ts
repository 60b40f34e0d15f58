const MAX_KEY = 512;

const step = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;

/** The key by which a job is ordered: none, the user, or what a dotted path finds in the payload (a string, number or boolean). */
export const orderKey = (orderBy: string, user: string | undefined, payload: unknown): string | undefined => {
  if (orderBy === "none") return undefined;
  const found = orderBy === "user" ? user : orderBy.split(".").reduce(step, payload);
  switch (typeof found) {
    case "string":
    case "number":
    case "boolean":
      return String(found).slice(0, MAX_KEY);
    default:
      return undefined;
  }
};
