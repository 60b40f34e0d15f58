/**
 * One line from this process to one service of the hub, kept up by itself. Messages arrive in the order of `send`, at most once: what
 * was under way when the line went down may be lost, and the hub then knows the line as another peer. So whatever the hub is to know
 * of this process (subscriptions, credit) is said again at each `onUp`.
 */
export interface Link extends AsyncDisposable {
  /**
   * Queues one message for the end of this tick; false where it was dropped (the hub is away, or the bounded buffer is full). Never
   * throws. `header` is small and JSON; `body` must not be changed afterwards.
   */
  send(header: unknown, body?: Uint8Array): boolean;
  /** The one listener for what the service says to this line. `body` is a view into a larger buffer: copy what is kept for long. */
  onMessage(listener: (header: unknown, body: Uint8Array) => void): void;
  /**
   * Called after each reconnect, once the hub has answered the hello (not for the first connect, which `openLink` resolves with).
   * `fresh`: this is another hub process than last time, and it knows nothing.
   */
  onUp(listener: (hub: { epoch: string; fresh: boolean }) => void): void;
  onDown(listener: () => void): void;
  connected(): boolean;
  /** Of the hub process that was reached last; another one after each start of the hub. */
  epoch(): string;
}

/**
 * One service in the hub. Every call is synchronous; what throws is logged and the message is dropped. `peer` is unique per line and
 * per connect: a process that reconnects is another peer, and the old one is gone before the new one says hello.
 */
export interface HubService {
  /** `header` comes unchecked from outside; `body` is a view into a larger buffer: copy what is kept for long. */
  onMessage(peer: string, header: unknown, body: Uint8Array): void;
  onHello?(peer: string, node: string): void;
  /** Said goodbye, or its connection closed (a process killed: within a second), or silent. */
  onGone?(peer: string): void;
}

export interface HubSocket extends AsyncDisposable {
  readonly port: number;
  /** Unique per start of the hub. */
  readonly epoch: string;
  /** Queues one message for the end of this tick; false: dropped and counted, since the peer is gone or its bounded buffer is full. */
  send(peer: string, header: unknown, body?: Uint8Array): boolean;
}
