/** Things in lines, one behind the other by name; only the first of a line may go on. */
export interface Lines<T> {
  /** Stands at the end of its line. True: it is the first. */
  enter(name: string, it: T): boolean;
  first(name: string): T | undefined;
  /** Leaves, wherever it stands; gives the one that is the first by that. */
  leave(name: string, it: T): T | undefined;
}

export const createLines = <T>(): Lines<T> => {
  const lines = new Map<string, T[]>();
  return {
    enter: (name, it) => {
      const line = lines.get(name);
      if (line === undefined) lines.set(name, [it]);
      else line.push(it);
      return line === undefined;
    },
    first: (name) => lines.get(name)?.[0],
    leave: (name, it) => {
      const line = lines.get(name) ?? [];
      const at = line.indexOf(it);
      if (at >= 0) line.splice(at, 1);
      if (line.length === 0) lines.delete(name);
      return at === 0 ? line[0] : undefined;
    },
  };
};
