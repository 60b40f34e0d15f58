/** Counts jobs that are done; what is served as `work` resolves when so many are, since the beginning. */
export const countDone = () => {
  let done = 0;
  let onDone = () => {};
  return {
    one: () => {
      done += 1;
      onDone();
    },
    work: (target: number): Promise<void> => {
      const { promise, resolve } = Promise.withResolvers<void>();
      onDone = () => void (done >= target && resolve());
      onDone();
      return promise;
    },
  };
};
