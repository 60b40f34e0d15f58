import { mkdtempSync, rmSync, writeFileSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate, startRedisProcess, type RedisProcess } from "./redis.ts";

/** A single Redis that speaks TLS only, with the user `realtime` of the given rights. */
export const startGuardedRedis = async (
  rights: readonly string[],
): Promise<{ server: RedisProcess; settings: () => Promise<{ uri: string; ca: string }> } & AsyncDisposable> => {
  const directory = mkdtempSync(join(tmpdir(), "realtime-test-tls-"));
  const { cert, key } = makeCertificate(directory);
  const acl = join(directory, "users.acl");
  writeFileSync(acl, `user default on >admin ~* &* +@all\nuser realtime on >p@ss ${rights.join(" ")}\n`);
  const server = await startRedisProcess({
    args: (port) =>
      `--port 0 --tls-port ${port} --tls-auth-clients no --tls-cert-file ${cert} --tls-key-file ${key} --aclfile ${acl}`.split(
        " ",
      ),
    client: { tls: { rejectUnauthorized: false }, password: "admin" },
  });
  return {
    server,
    settings: async () => ({
      uri: `rediss://realtime:p%40ss@127.0.0.1:${server.port}`,
      ca: readFileSync(cert, "utf8"),
    }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
};
