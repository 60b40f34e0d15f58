interface Connection {
  node: string;
  socket: string;
  user: string;
  channels: Set<string>;
}

interface Channel {
  connections: number;
  users: Map<string, number>;
}

interface Left {
  channel: string;
  user: string;
  lastOfChannel: boolean;
}

/** Presence in memory; `Presence` of the store's port says what it promises. Nothing is left of a connection that is gone. */
export const memoryPresence = () => {
  const nodes = new Map<string, Map<string, Connection>>();
  const users = new Map<string, Set<Connection>>();
  const channels = new Map<string, Channel>();

  const find = (node: string, socket: string, user?: string): Connection | undefined => {
    const found = nodes.get(node)?.get(socket);
    return user === undefined || found?.user === user ? found : undefined;
  };
  const depart = (connection: Connection, name: string): { lastOfUser: boolean; lastOfChannel: boolean } => {
    const channel = channels.get(name);
    if (!connection.channels.delete(name) || channel === undefined) return { lastOfUser: false, lastOfChannel: false };
    channel.connections--;
    const ofUser = (channel.users.get(connection.user) ?? 0) - 1;
    if (ofUser > 0) channel.users.set(connection.user, ofUser);
    else channel.users.delete(connection.user);
    if (channel.connections === 0) channels.delete(name);
    return { lastOfUser: ofUser < 1, lastOfChannel: channel.connections === 0 };
  };
  const remove = (connection: Connection): Left[] => {
    const { node, socket, user } = connection;
    const left: Left[] = [];
    for (const channel of connection.channels) {
      const { lastOfUser, lastOfChannel } = depart(connection, channel);
      if (lastOfUser) left.push({ channel, user, lastOfChannel });
    }
    const ofUser = users.get(user);
    ofUser?.delete(connection);
    if (ofUser?.size === 0) users.delete(user);
    const ofNode = nodes.get(node);
    ofNode?.delete(socket);
    if (ofNode?.size === 0) nodes.delete(node);
    return left;
  };
  const add = (connection: Connection) => {
    const { node, socket, user } = connection;
    const ofNode = nodes.get(node) ?? new Map<string, Connection>();
    nodes.set(node, ofNode.set(socket, connection));
    users.set(user, (users.get(user) ?? new Set<Connection>()).add(connection));
  };

  return {
    connect: (node: string, socket: string, user: string, limit: number) => {
      const connections = users.get(user)?.size ?? 0;
      if (find(node, socket, user) !== undefined) return { admitted: true, connections };
      if (connections >= limit) return { admitted: false, connections };
      const before = find(node, socket);
      if (before !== undefined) remove(before);
      add({ node, socket, user, channels: new Set() });
      return { admitted: true, connections: connections + 1 };
    },
    disconnect: (node: string, socket: string) => {
      const connection = find(node, socket);
      if (connection === undefined) return { connections: 0, left: [] };
      const left = remove(connection);
      return { connections: users.get(connection.user)?.size ?? 0, left };
    },
    enter: (node: string, socket: string, user: string, name: string) => {
      const connection = find(node, socket, user);
      if (connection === undefined || connection.channels.has(name))
        return { firstOfUser: false, firstOfChannel: false };
      connection.channels.add(name);
      const channel = channels.get(name) ?? { connections: 0, users: new Map<string, number>() };
      channels.set(name, channel);
      channel.connections++;
      const ofUser = (channel.users.get(user) ?? 0) + 1;
      channel.users.set(user, ofUser);
      return { firstOfUser: ofUser === 1, firstOfChannel: channel.connections === 1 };
    },
    leave: (node: string, socket: string, user: string, name: string) => {
      const connection = find(node, socket, user);
      return connection === undefined ? { lastOfUser: false, lastOfChannel: false } : depart(connection, name);
    },
    users: (name: string): string[] => [...(channels.get(name)?.users.keys() ?? [])],
    channels: () => [...channels].map(([channel, { connections }]) => ({ channel, connections })),
    connections: (user: string) => [...(users.get(user) ?? [])].map(({ node, socket }) => ({ node, socket })),
    held: (node: string) =>
      [...(nodes.get(node)?.values() ?? [])].map((it) => ({
        socket: it.socket,
        user: it.user,
        channels: [...it.channels],
      })),
    evict: (node: string) => {
      const held = [...(nodes.get(node)?.values() ?? [])];
      return { sockets: held.map(({ socket, user }) => ({ socket, user })), left: held.flatMap(remove) };
    },
    nodes: (): string[] => [...nodes.keys()],
  };
};
