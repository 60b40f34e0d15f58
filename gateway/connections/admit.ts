import { channelRoom, ERRORS, Refusal, userRoom } from "#crds";
import type { Log } from "#process";
import type { Revocations } from "#store";
import { setTimeout as sleep } from "node:timers/promises";
import type { Socket } from "socket.io";
import { identify } from "../auth/identify.ts";
import { socketOfPlace } from "../recovery/held.ts";
import type { Arrival, SessionKeeper } from "../recovery/sessions.ts";
import type { Identity, Tokens } from "../auth/tokens.ts";
import type { GatewaySettings } from "../context.ts";
import type { PresenceFeed } from "../lifecycle/presence-feed.ts";
import type { Refusals } from "../refusals.ts";

export interface AdmitOptions {
  settings: Pick<GatewaySettings, "auth" | "origins" | "app">;
  connectionsPerUser: number | undefined;
  tokens: Tokens;
  revocations: Revocations;
  presence: PresenceFeed;
  /** Resolves when what is said to these rooms arrives here, within a second: a client is told that it is connected once that holds. */
  expect: (rooms: readonly string[]) => Promise<void>;
  /** Undefined: nobody comes back. */
  sessions: Pick<SessionKeeper, "arrive"> | undefined;
  /** Whether some of the user's connections are counted on a gateway that does not answer. */
  countsLost: (user: string) => Promise<boolean>;
  draining: () => boolean;
  refusals: Refusals;
  log: Log;
}

/** Whether a page of `origin` may connect; what is no page has no origin. */
export const originAllowed = (origins: readonly string[] | undefined, origin: string | undefined): boolean =>
  origins === undefined || origin === undefined || origins.includes("*") || origins.includes(origin);

/** The rooms that a connection is joined to when it comes. */
export const roomsAtConnect = ({ user, grants }: Identity): string[] => [
  userRoom(user),
  ...grants.join.map(channelRoom),
];

const UNSETTLED_TRIES = 5;
const UNSETTLED_MS = 200;

const isOpen = ({ conn }: Socket): boolean => conn.readyState === "open";

/** Throws where the identity's token was revoked. Where no token is needed, a store that is away lets everyone in. */
export const refuseRevoked = async (
  revocations: Revocations,
  identity: Pick<Identity, "user" | "issuedAt" | "jti">,
  open: boolean,
): Promise<void> => {
  try {
    if (await revocations.isRevoked(identity)) throw new Refusal("token_revoked");
  } catch (error) {
    if (!open || !(error instanceof Refusal) || error.code !== "store_unavailable") throw error;
  }
};

/**
 * The middleware that lets connections in or not. A refusal that lasts is CONNECT_ERROR with `data.code`, one that passes closes
 * the transport, so that the client tries again. Who was let in is `admitted`.
 */
export const createAdmission = ({
  settings,
  connectionsPerUser,
  tokens,
  revocations,
  presence,
  expect,
  sessions,
  countsLost,
  draining,
  refusals,
  log,
}: AdmitOptions): {
  middleware: (socket: Socket, next: (error?: Error) => void) => void;
  admitted: (socket: Socket) => Arrival | undefined;
} => {
  const arrivals = new WeakMap<Socket, Arrival>();
  /** Transports that carry a connection or are about to. Whoever asks for several at once is no client of socket.io's. */
  const occupied = new WeakSet<Socket["conn"]>();
  const open = settings.auth === undefined;
  const ignoresTokens = open && settings.app !== undefined;

  /** Who comes back is counted twice until the gateway that he was on before has noticed. */
  const hasRoom = async ({ identity: { user }, place }: Arrival): Promise<boolean> => {
    for (let tries = 0; ; tries += 1) {
      if (await presence.connect(place, user, connectionsPerUser)) return true;
      if (place === socketOfPlace(place) || tries >= UNSETTLED_TRIES) return false;
      await sleep(UNSETTLED_MS);
    }
  };

  const admit = async (socket: Socket): Promise<void> => {
    if (draining()) throw new Refusal("draining");
    if (!originAllowed(settings.origins, socket.handshake.headers.origin)) throw new Refusal("origin_not_allowed");
    const token: unknown = ignoresTokens ? undefined : socket.handshake.auth["token"];
    const shown = await identify(token, tokens, open);
    const withToken = typeof token === "string" && token !== "";
    if (withToken) await refuseRevoked(revocations, shown, open);
    if (!isOpen(socket)) return;
    const arrival = (await sessions?.arrive(socket, shown, !withToken)) ?? { identity: shown, place: socket.id };
    const { identity, place } = arrival;
    arrivals.set(socket, arrival);
    if (!isOpen(socket)) return;
    if (!(await hasRoom(arrival)))
      throw new Refusal((await countsLost(identity.user)) ? "places_unsettled" : "too_many_connections");
    await expect(roomsAtConnect(identity));
    if (!isOpen(socket)) return presence.abandon(place);
    const { conn } = socket;
    const abandon = () => presence.abandon(place);
    conn.once("close", abandon);
    socket.once("disconnect", () => conn.off("close", abandon));
  };

  const refuse = (socket: Socket, error: unknown): Error => {
    const refusal = error instanceof Refusal ? error : new Refusal("internal", undefined, { cause: error });
    if (refusal !== error) log.error({ err: error }, "a connection could not be let in");
    if (refusal.code === "internal") log.warn({ err: refusal.cause }, "a token could not be verified");
    const { code } = refusal;
    refusals.count(code, ERRORS[code].passing ? "close" : "connect");
    if (ERRORS[code].passing) socket.conn.close();
    return Object.assign(new Error(refusal.message), { data: refusal.body().error });
  };

  return {
    middleware: (socket, next) => {
      const { conn } = socket;
      if (occupied.has(conn)) {
        refusals.count("too_many_connections", "close");
        conn.close();
        return next(new Error("a transport carries one connection"));
      }
      occupied.add(conn);
      socket.once("disconnect", () => occupied.delete(conn));
      admit(socket).then(
        () => next(),
        (error: unknown) => {
          occupied.delete(conn);
          next(refuse(socket, error));
        },
      );
    },
    admitted: (socket) => arrivals.get(socket),
  };
};
