/** How a line is watched, in ms. ZeroMQ's own threads watch the connection, so a process that computes for long is not taken for dead. */
export interface Timing {
  /** Between heartbeats of ours and looks at what is silent. */
  beat: number;
  /** ZeroMQ closes a connection that was silent for so long: a machine that lost its power, a process that was stopped. */
  connection: number;
  /** A client gives up a hub whose connection stands but which says nothing. */
  hubSilent: number;
  /** The hub gives up a client whose connection stands but which says nothing: its event loop hangs. */
  clientSilent: number;
  /** A connect without an answer is begun anew, with settings read again. */
  hello: number;
  /** Without any answer `openLink` rejects. */
  open: number;
}

export const TIMING: Timing = {
  beat: 500,
  connection: 3000,
  hubSilent: 10_000,
  clientSilent: 60_000,
  hello: 5000,
  open: 10_000,
};

/** Larger ZeroMQ messages close the connection. */
export const MAX_MESSAGE_BYTES = 128 << 20;
/** Larger bodies are refused by the sender. */
export const MAX_BODY_BYTES = 64 << 20;
