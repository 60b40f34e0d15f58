/** Those who want to be told; disposing what `add` gives takes one out. */
export const listeners = <A extends unknown[]>() => {
  const all = new Set<(...args: A) => void>();
  return {
    call: (...args: A) => {
      for (const listener of all) listener(...args);
    },
    add: (listener: (...args: A) => void): Disposable => {
      all.add(listener);
      return { [Symbol.dispose]: () => void all.delete(listener) };
    },
  };
};
