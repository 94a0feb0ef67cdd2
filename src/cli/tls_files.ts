/**
 * TLS from files: what the config file and flags name, as the texts that `serve` takes.
 *
 * @module
 */
import { SERVER } from "../options/server.ts";
import type { OptionSpec } from "../options/spec.ts";
import type { TlsServerOptions } from "../options/tls.ts";
import { UsageError } from "./failure.ts";
import { FILE_OF, type TlsFiles, type TlsIdentityFiles } from "./file_settings.ts";
import { readSecret, readText } from "./files.ts";

/**
 * Reads the files.
 *
 * @param warn Is told of keys that others may read.
 * @throws UsageError One cannot be read, or something is missing.
 */
export async function readTls(
  files: TlsFiles,
  warn: (line: string) => void,
): Promise<TlsServerOptions> {
  const { sni, ...main } = files;
  const tls: Record<string, unknown> = await readIdentity("tls", main, warn);
  if (sni !== undefined) {
    const named: Record<string, unknown> = {};
    for (const [name, identity] of Object.entries(sni)) {
      named[name] = await readIdentity(`tls.sni[${JSON.stringify(name)}]`, identity, warn);
    }
    tls.sni = named;
  }
  // What came is not shown: it holds keys.
  const expected = (SERVER.tls as OptionSpec<TlsServerOptions>).wrong(tls);
  if (expected !== undefined) throw new UsageError(`tls must be ${expected.replace(/,$/, "")}`);
  return tls as unknown as TlsServerOptions;
}

async function readIdentity(
  where: string,
  files: TlsIdentityFiles,
  warn: (line: string) => void,
): Promise<Record<string, unknown>> {
  const read: Record<string, unknown> = { ...files };
  for (const [name, file] of Object.entries(FILE_OF)) {
    const path = read[file];
    delete read[file];
    if (typeof path !== "string") continue;
    read[name] = name === "key" ? await readSecret(path, warn) : await readText(path);
  }
  for (const name of ["cert", "key"] as const) {
    if (read[name] !== undefined) continue;
    const flag = where === "tls" ? ` (--tls-${name})` : "";
    throw new UsageError(
      `${where} has no ${FILE_OF[name]}${flag}: TLS needs a certificate and a key`,
    );
  }
  return read;
}
