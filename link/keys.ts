import { createPrivateKey, createPublicKey, hkdfSync } from "node:crypto";

/** The keys of CURVE, which encrypts a line and tells both ends that the other is of the cluster; Z85, as ZeroMQ takes them. */
export interface LineKeys {
  server: KeyPair;
  client: KeyPair;
}

interface KeyPair {
  publicKey: string;
  secretKey: string;
}

const PKCS8_OF_X25519 = Buffer.from("302e020100300506032b656e04220420", "hex");
const Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
const MIN_LENGTH = 32;

/** Bytes, a multiple of four, as ZeroMQ writes keys. */
export const z85 = (bytes: Buffer): string => {
  let text = "";
  for (let offset = 0; offset < bytes.length; offset += 4) {
    const word = bytes.readUInt32BE(offset);
    for (let divisor = 85 ** 4; divisor >= 1; divisor /= 85) text += Z85[Math.floor(word / divisor) % 85];
  }
  return text;
};

const pairOf = (secret: string, of: string): KeyPair => {
  const bytes = Buffer.from(hkdfSync("sha256", secret, "", `realtimecluster line ${of}`, 32));
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_OF_X25519, bytes]), format: "der", type: "pkcs8" });
  const publicBytes = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  return { publicKey: z85(publicBytes), secretKey: z85(bytes) };
};

/** Both ends' keys from the one secret that the processes of a cluster share. Throws where it is too short to be one. */
export const lineKeys = (secret: string): LineKeys => {
  if (secret.length < MIN_LENGTH) throw new Error(`the hub's key is shorter than ${MIN_LENGTH} characters`);
  return { server: pairOf(secret, "server"), client: pairOf(secret, "client") };
};
