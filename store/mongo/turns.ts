/** Work by key: one after the other, in the order in which it was asked for. */
export const createTurns = () => {
  const last = new Map<string, Promise<unknown>>();
  return {
    take: <T>(key: string, work: () => Promise<T>): Promise<T> => {
      const before = last.get(key);
      const turn = before === undefined ? work() : before.then(work, work);
      last.set(key, turn);
      const end = () => {
        if (last.get(key) === turn) last.delete(key);
      };
      turn.then(end, end);
      return turn;
    },
  };
};
