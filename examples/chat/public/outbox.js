const PASSING = new Set([
  "broker_unavailable",
  "queue_full",
  "store_unavailable",
  "rate_limited",
  "internal",
  "request_timeout",
]);
const ACK_MS = 5000;
const AGAIN_MS = 1500;

/**
 * Sends events until they are taken or refused for good: after a lost connection, a lost ack or a passing refusal again, with the same id, so that
 * each is taken once.
 */
export const createOutbox = (socket, { onTaken, onRefused }) => {
  const waiting = new Map();

  const again = (id) => setTimeout(() => send(id), AGAIN_MS);
  const send = (id) => {
    const it = waiting.get(id);
    if (it === undefined || it.sending || !socket.connected) return;
    it.sending = true;
    socket.timeout(ACK_MS).emit(it.event, it.payload, { id }, (lost, ack) => {
      it.sending = false;
      if (lost) return again(id);
      if (!ack.ok && PASSING.has(ack.error.code)) return again(id);
      waiting.delete(id);
      if (ack.ok) onTaken(id, it);
      else onRefused(id, it, ack.error);
    });
  };

  socket.on("connect", () => {
    for (const [id, it] of waiting) {
      it.sending = false;
      send(id);
    }
  });

  return {
    /** Returns the id by which the event is known from now on. */
    put: (event, payload, id) => {
      waiting.set(id, { event, payload, sending: false });
      send(id);
    },
  };
};
