/**
 * What commands that call a server have in common: where it is, how it is spoken to, and for how long.
 *
 * @module
 */
import { parseUrl } from "../client/url.ts";
import type { TlsClientOptions } from "../options/tls.ts";
import { parseDuration } from "./duration.ts";
import { UsageError } from "./failure.ts";
import { readSecret, readText } from "./files.ts";
import type { Given, OptionUsage } from "./usage.ts";

const group = "Connection";

type Valued = OptionUsage & { readonly value: string };
type Switch = Omit<OptionUsage, "value">;
type TextFlag = "timeout" | "tls-ca" | "tls-cert" | "tls-key" | "tls-name" | "token" | "token-file";

/** The options. */
export const DIAL_FLAGS: Readonly<Record<TextFlag, Valued>> & { readonly tls: Switch } = {
  timeout: { value: "TIME", help: "how long connecting and each answer may take", group },
  tls: { help: "speak TLS, as addresses with tls:// and wss:// do", group },
  "tls-ca": {
    value: "FILE",
    help: "the authorities to trust, as PEM (default: the system's)",
    group,
  },
  "tls-cert": { value: "FILE", help: "the client's certificate, as PEM", group },
  "tls-key": { value: "FILE", help: "its private key, as PEM", group },
  "tls-name": { value: "HOST", help: "the name in the server's certificate", group },
  token: { value: "TOKEN", help: "say who this is; other users may see it", group },
  "token-file": { value: "FILE", help: "the token, alone in a file", group },
};

const MAX_MS = 2 ** 31 - 1;

/** Where a server is and how it is spoken to. */
export interface Dial {
  /** Its address with its scheme. */
  readonly url: string;
  readonly tls?: TlsClientOptions;
  readonly token?: string;
  /** Undefined where nothing was said. */
  readonly timeoutMs?: number;
}

/**
 * Reads the options, and the files they name.
 *
 * @param where What the address is called in messages.
 * @param warn Is told of secrets that others may read.
 * @throws UsageError One is wrong.
 */
export async function readDial(
  given: Given<typeof DIAL_FLAGS>,
  where: string,
  address: string,
  warn: (line: string) => void,
): Promise<Dial> {
  const files = ["tls-ca", "tls-cert", "tls-key", "tls-name"] as const;
  const secure = given.tls ?? /^(tls|wss):/.test(address);
  const withoutTls = files.find((name) => given[name] !== undefined);
  if (!secure && withoutTls !== undefined) {
    throw new UsageError(`--${withoutTls} is for TLS: say --tls too, or write tls:// in ${where}`);
  }
  if ((given["tls-cert"] === undefined) !== (given["tls-key"] === undefined)) {
    throw new UsageError("--tls-cert and --tls-key belong together");
  }
  if (given.token !== undefined && given["token-file"] !== undefined) {
    throw new UsageError("either --token or --token-file");
  }
  const token = given["token-file"] === undefined
    ? given.token
    : (await readSecret(given["token-file"], warn)).trim();
  if (token === "") throw new UsageError("the token is empty");
  const url = urlOf(where, address, secure);
  return {
    url,
    ...(secure && { tls: await readTlsFiles(given, warn) }),
    ...(token !== undefined && { token }),
    ...(given.timeout !== undefined && { timeoutMs: readTime("timeout", given.timeout, 1) }),
  };
}

/**
 * Reads a time.
 *
 * @throws UsageError It is none, or not in the range.
 */
export function readTime(option: string, text: string, leastMs: number): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= leastMs && ms <= MAX_MS) return ms;
  throw new UsageError(
    `--${option} must be a time such as 500ms, 30s, 5m, or a number of milliseconds, and is "${text}"`,
  );
}

function urlOf(where: string, address: string, secure: boolean): string {
  const scheme = secure ? "tls" : "tcp";
  const url = /:\/\/|^unix:/.test(address)
    ? secure ? address.replace(/^tcp:/, "tls:").replace(/^ws:/, "wss:") : address
    : `${scheme}://${address}`;
  try {
    parseUrl(url);
    return url;
  } catch {
    throw new UsageError(
      `${where} must be HOST:PORT or a URL (tcp, tls, ws, wss, unix), such as 127.0.0.1:8888, ` +
        `[::1]:8888 or unix:///run/fw.sock, and is "${address}"`,
    );
  }
}

async function readTlsFiles(
  given: Given<typeof DIAL_FLAGS>,
  warn: (line: string) => void,
): Promise<TlsClientOptions> {
  const { "tls-ca": ca, "tls-cert": cert, "tls-key": key, "tls-name": name } = given;
  return {
    ...(ca !== undefined && { ca: await readText(ca) }),
    ...(cert !== undefined && { cert: await readText(cert) }),
    ...(key !== undefined && { key: await readSecret(key, warn) }),
    ...(name !== undefined && { serverName: name }),
  };
}
