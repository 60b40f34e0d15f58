import { counter, measured } from "#process";
import type { Registry } from "prom-client";
import { parseBrokerCall, type BrokerCall, type BrokerWord } from "#crds";
import type { HubService, HubSocket } from "#link";
import { createBrokerState } from "./broker.ts";
import type { HeldJob, Outlet } from "./held-job.ts";

interface BrokerServiceOptions {
  registry: Registry;
  maxJobs: number;
  maxBytes: number;
  /** ms since the epoch */
  now?: () => number;
}

/** The broker behind the hub's socket: the state machine, told what lines say and woken by one timer. */
export const brokerService =
  ({ registry, maxJobs, maxBytes, now = Date.now }: BrokerServiceOptions) =>
  (socket: HubSocket): HubService => {
    const foreign = counter(registry, {
      name: "realtime_hub_broker_foreign_total",
      help: "Messages to the broker that were none and were dropped.",
    });
    const lost = counter(registry, {
      name: "realtime_hub_broker_died_total",
      help: "Jobs that died, by reason.",
      labelNames: ["reason"],
    });
    const refused = counter(registry, {
      name: "realtime_hub_broker_refused_total",
      help: "Jobs that were not taken: the hub is full.",
    });
    const dropped = counter(registry, {
      name: "realtime_hub_broker_dropped_total",
      help: "Jobs dropped: the oldest dead letters where there are too many, requests that no worker took in time.",
      labelNames: ["reason"],
    });
    const nodes = new Map<string, string>();
    const peers = new Map<string, string>();
    const say = (peer: string, word: BrokerWord, body?: Uint8Array) => socket.send(peer, word, body);
    const tell = ({ node }: HeldJob, word: BrokerWord) => {
      const peer = peers.get(node);
      if (peer !== undefined) say(peer, word);
    };
    const outlet: Outlet = {
      hand: ({ peer, sub }, job) => say(peer, ["job", sub, job.uid, job.attempt], job.body),
      finished: (job) => {
        if (job.state === "dead") dropped.inc({ reason: "too_many_dead" });
        else if (job.state === "waiting") dropped.inc({ reason: "request_expired" });
        tell(job, ["finished", job.n]);
      },
      again: (job, inMs) => tell(job, ["again", job.n, job.attempt, inMs]),
      died: (job) => {
        if (job.death === undefined) return;
        lost.inc({ reason: job.death.reason });
        tell(job, ["died", job.n, job.attempt, job.death]);
      },
    };
    const state = createBrokerState({ outlet, maxJobs, maxBytes, now });
    measured(registry, "realtime_hub_broker_held_jobs", "Jobs held, the dead ones too.", () => state.held().jobs);
    measured(registry, "realtime_hub_broker_held_bytes", "Bytes of the jobs held.", () => state.held().bytes);

    let timer: { at: number; handle: NodeJS.Timeout } | undefined;
    const arm = () => {
      const due = Math.min(state.nextDue() ?? Infinity, now() + 1000);
      if (timer !== undefined && timer.at <= due) return;
      clearTimeout(timer?.handle);
      const handle = setTimeout(() => {
        timer = undefined;
        state.tick();
        arm();
      }, due - now());
      handle.unref();
      timer = { at: due, handle };
    };
    arm();

    const taken = (peer: string, n: number, order: number | undefined) => {
      if (order !== undefined) return say(peer, ["taken", n, order]);
      refused.inc();
      return say(peer, ["full", n]);
    };
    const act = (peer: string, call: BrokerCall, body: Uint8Array) => {
      const node = nodes.get(peer) ?? peer;
      switch (call[0]) {
        case "submit": {
          const [, n, queue, id, key] = call;
          return taken(peer, n, state.submit({ node, n, queue, id, key: key ?? undefined, body }));
        }
        case "done":
          return state.settle(peer, call[1], call[2], { kind: "done" });
        case "settle":
          state.settle(peer, call[1], call[2], call[3]);
          return arm();
        case "declare":
          state.declare(call[2], call[3]);
          return say(peer, ["answer", call[1], null]);
        case "back":
          state.back();
          return arm();
        case "offer": {
          const [, n, queue, id, key, attempt, order, inMs, death] = call;
          const job = { node, n, queue, id, key: key ?? undefined, body };
          taken(peer, n, state.offer(job, { attempt, order, inMs, death: death ?? undefined }));
          return arm();
        }
        case "have":
          return say(peer, ["gone", state.missing(node, call[1])]);
        case "consume":
          return state.consume(peer, call[1], call[2], call[3], call[4]);
        case "stop":
          state.stop(peer, call[2]);
          return say(peer, ["answer", call[1], null]);
        case "cancel":
          return state.cancel(peer, call[1]);
        case "depth":
          return say(peer, ["answer", call[1], state.depth(call[2])]);
        case "letters": {
          for (const { id, attempt, death, body: bytes } of state.letters(call[2], call[3]))
            if (death !== undefined) say(peer, ["letter", call[1], id, attempt, death], bytes);
          return say(peer, ["answer", call[1], null]);
        }
        case "redrive":
          return say(peer, ["answer", call[1], state.redrive(call[2], call[3] ?? undefined)]);
      }
    };

    return {
      onHello: (peer, node) => {
        nodes.set(peer, node);
        peers.set(node, peer);
      },
      onGone: (peer) => {
        const node = nodes.get(peer);
        nodes.delete(peer);
        if (node !== undefined && peers.get(node) === peer) peers.delete(node);
        state.peerGone(peer);
      },
      onMessage: (peer, header, body) => {
        const call = parseBrokerCall(header);
        if (call === undefined) foreign.inc();
        else act(peer, call, body);
      },
    };
  };
