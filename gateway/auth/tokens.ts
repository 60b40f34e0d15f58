import { Refusal, type Gateway } from "#crds";
import {
  createRemoteJWKSet,
  decodeJwt,
  errors,
  jwtVerify,
  SignJWT,
  type JWTPayload,
  type JWTVerifyOptions,
} from "jose";
import { randomUUID } from "node:crypto";
import { anonymousGrants, grantsOfClaims, type Grants } from "./grants.ts";

/** Who a connection is and what he may do, until when. Times in ms since the epoch. */
export interface Identity {
  user: string;
  grants: Grants;
  anonymous: boolean;
  issuedAt: number;
  expiresAt: number | undefined;
  jti: string | undefined;
}

export interface TokenOptions {
  cluster: string;
  auth: Gateway["auth"];
  /** HS256 secret of `auth.jwt.secretRef`, as it is now. */
  jwtSecret?: (() => string) | undefined;
  /** Signs the tokens of anonymous users. */
  sessionKey: () => string;
  clock: () => number;
  newUser?: () => string;
}

export interface Tokens {
  /**
   * Who shows `token`. Rejects with `unauthorized` or `token_expired`, which last, or with `internal`, which passes:
   * the issuer's keys could not be fetched.
   */
  verify(token: string): Promise<Identity>;
  /** Whether `token` says that it is one of our own for an anonymous user; nothing is verified. */
  isSession(token: string): boolean;
  /** A new anonymous user; undefined where a token is needed. */
  anonymous(): Identity | undefined;
  /** The token that an anonymous user may show when he returns. */
  sign(identity: Identity): Promise<string>;
}

const SESSION_SECONDS = 30 * 86_400;
const ASYMMETRIC = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
const MAX_USER = 256;
const CLOCK_TOLERANCE_SECONDS = 5;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const isFault = (error: unknown): boolean =>
  error instanceof errors.JWTClaimValidationFailed ||
  error instanceof errors.JWTInvalid ||
  error instanceof errors.JWSInvalid ||
  error instanceof errors.JWSSignatureVerificationFailed ||
  error instanceof errors.JOSEAlgNotAllowed ||
  error instanceof errors.JOSENotSupported ||
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JWKSMultipleMatchingKeys;

const refusalOf = (error: unknown): Refusal => {
  if (error instanceof errors.JWTExpired) return new Refusal("token_expired", undefined, { cause: error });
  if (isFault(error)) return new Refusal("unauthorized", undefined, { cause: error });
  return new Refusal("internal", "the issuer's keys cannot be fetched", { cause: error });
};

/** Verifies users' tokens (HS256 by a secret, or the issuer's published keys) and makes those of anonymous users. */
export const createTokens = ({
  cluster,
  auth,
  jwtSecret,
  sessionKey,
  clock,
  newUser = () => `anon-${randomUUID()}`,
}: TokenOptions): Tokens => {
  const sessionIssuer = `realtimecluster:${cluster}`;
  const guest = anonymousGrants(auth);
  const jwt = auth?.jwt;
  const keys =
    jwt?.jwksUrl === undefined ? undefined : createRemoteJWKSet(new URL(jwt.jwksUrl), { timeoutDuration: 3000 });

  const options = (): JWTVerifyOptions => ({
    currentDate: new Date(clock()),
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ["sub"],
  });

  const verifySession = (token: string) =>
    jwtVerify(token, bytes(sessionKey()), {
      ...options(),
      algorithms: ["HS256"],
      issuer: sessionIssuer,
      requiredClaims: ["sub", "exp"],
    });

  const verifyUsers = (token: string) => {
    const claims = {
      ...options(),
      ...(jwt?.issuer !== undefined && { issuer: jwt.issuer }),
      ...(jwt?.audience !== undefined && { audience: jwt.audience }),
    };
    if (keys !== undefined) return jwtVerify(token, keys, { ...claims, algorithms: ASYMMETRIC });
    if (jwtSecret !== undefined) return jwtVerify(token, bytes(jwtSecret()), { ...claims, algorithms: ["HS256"] });
    throw new Refusal("unauthorized");
  };

  const claimsOf = (token: string): JWTPayload | undefined => {
    try {
      return decodeJwt(token);
    } catch {
      return undefined;
    }
  };
  const isSession = (token: string) => claimsOf(token)?.iss === sessionIssuer;

  const identityOf = (payload: JWTPayload, grants: Grants, anonymous: boolean): Identity => {
    const { sub, iat, exp, jti } = payload;
    if (typeof sub !== "string" || sub === "" || sub.length > MAX_USER) throw new Refusal("unauthorized");
    return {
      user: sub,
      grants,
      anonymous,
      issuedAt: (iat ?? 0) * 1000,
      expiresAt: exp === undefined ? undefined : exp * 1000,
      jti,
    };
  };

  return {
    isSession,
    verify: async (token) => {
      try {
        if (!isSession(token)) {
          const { payload } = await verifyUsers(token);
          return identityOf(payload, grantsOfClaims(payload), false);
        }
        if (guest === undefined) throw new Refusal("unauthorized");
        return identityOf((await verifySession(token)).payload, guest, true);
      } catch (error) {
        throw error instanceof Refusal ? error : refusalOf(error);
      }
    },
    anonymous: () =>
      guest && {
        user: newUser(),
        grants: guest,
        anonymous: true,
        issuedAt: clock(),
        expiresAt: undefined,
        jti: undefined,
      },
    sign: ({ user }) => {
      const seconds = Math.floor(clock() / 1000);
      return new SignJWT()
        .setProtectedHeader({ alg: "HS256" })
        .setIssuer(sessionIssuer)
        .setSubject(user)
        .setIssuedAt(seconds)
        .setExpirationTime(seconds + SESSION_SECONDS)
        .sign(bytes(sessionKey()));
    },
  };
};
