/** A binary heap: the least of what it holds, by `before`, is on top. */
export interface Heap<T> {
  push(item: T): void;
  peek(): T | undefined;
  pop(): T | undefined;
  size(): number;
}

export const createHeap = <T>(before: (a: T, b: T) => boolean): Heap<T> => {
  const items: T[] = [];

  const up = (item: T) => {
    let at = items.length - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = items[above];
      if (other === undefined || !before(item, other)) break;
      items[at] = other;
      at = above;
    }
    items[at] = item;
  };
  const down = (item: T) => {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const left = items[child];
      if (left === undefined) break;
      const right = items[child + 1];
      let least = left;
      if (right !== undefined && before(right, left)) {
        least = right;
        child += 1;
      }
      if (!before(least, item)) break;
      items[at] = least;
      at = child;
    }
    items[at] = item;
  };

  return {
    push: (item) => {
      items.push(item);
      up(item);
    },
    peek: () => items[0],
    pop: () => {
      const top = items[0];
      const last = items.pop();
      if (last !== undefined && items.length > 0) down(last);
      return top;
    },
    size: () => items.length,
  };
};
