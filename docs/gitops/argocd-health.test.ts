import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { LuaFactory } from "wasmoon";
import { CASES } from "./statuses.ts";

const script = readFileSync("docs/gitops/argocd-health.lua", "utf8");

test.each(Object.entries(CASES))("Argo CD, %s", async (_case, { metadata, status, argo: [health, message] }) => {
  const lua = await new LuaFactory().createEngine();
  try {
    lua.global.set("obj", { metadata, ...(status === undefined ? {} : { status }) });
    expect(await lua.doString(script)).toEqual({ status: health, message });
  } finally {
    lua.global.close();
  }
});
