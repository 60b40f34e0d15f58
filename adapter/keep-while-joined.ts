import { Namespace, type Server } from "socket.io";

/* oxlint-disable no-underscore-dangle -- socket.io's own names */

/**
 * Keeps a dynamic namespace that empties while somebody is being let in: socket.io (`cleanupEmptyChildNamespaces`) would close it, and the
 * newcomer would live in a namespace that nobody finds any more.
 */
export const keepWhileJoined = (io: Server): void => {
  io.on("new_namespace", (nsp: Namespace) => {
    const { _add: add, _remove: removeAndClose } = nsp;
    const asking: unknown = Reflect.get(nsp, "_preConnectSockets");
    if (removeAndClose === Namespace.prototype._remove || !(asking instanceof Map)) return;
    let coming = 0;
    nsp._add = async (...client) => {
      coming += 1;
      try {
        await add.apply(nsp, client);
      } finally {
        coming -= 1;
      }
    };
    nsp._remove = (socket) => {
      const others = coming + asking.size - (asking.has(socket.id) ? 1 : 0);
      if (others > 0) Namespace.prototype._remove.call(nsp, socket);
      else removeAndClose.call(nsp, socket);
    };
  });
};
