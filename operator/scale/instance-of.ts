/** The instance that a process belongs to: its node's name is the instance's and a suffix of its own. */
export const instanceOf = (node: string): string => node.slice(0, node.lastIndexOf("-"));
