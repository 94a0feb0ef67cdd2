/**
 * The certificates of a server as `node:tls` takes them, which Bun's sockets take too.
 *
 * @module
 */
import * as tls from "node:tls";
import { FramewireError } from "../errors.ts";
import type { TlsIdentity, TlsServerOptions } from "../options/tls.ts";
import { checkAuthorities, checkIdentity, versionOf } from "./certificates.ts";

/** What a server of `node:tls` or `node:https` is given of its certificates. */
export function serverContexts(options: TlsServerOptions): {
  /** Which certificate clients must show. */
  readonly asked: string;
  readonly options: tls.TlsOptions;
  /** The certificate for a name that a client asks for (SNI); undefined for the main one. */
  of(name: string): tls.SecureContext | undefined;
  /** Uses other certificates from now on. */
  reload(next: TlsServerOptions, use: (main: tls.SecureContextOptions) => void): void;
} {
  let contexts = contextsOf(options);
  const asked = askedOf(options);
  return {
    asked,
    of: (name) => contexts.of(name),
    options: {
      ...contexts.main,
      requestCert: asked !== "none",
      rejectUnauthorized: asked === "require",
      SNICallback: (name, answer) => answer(null, contexts.of(name)),
    },
    reload(next, use) {
      if (askedOf(next) !== asked || String(next.alpn) !== String(options.alpn)) {
        throw new FramewireError(
          "INVALID_OPTION",
          "tls.clientCertificate and tls.alpn cannot change while the server runs: start it anew",
        );
      }
      const prepared = contextsOf(next);
      use(prepared.main);
      contexts = prepared;
    },
  };
}

/** Which certificate a client must show, by its default. */
function askedOf({ clientCa, clientCertificate }: TlsServerOptions): string {
  return clientCertificate ?? (clientCa === undefined ? "none" : "require");
}

/** The contexts of a server's certificates. */
function contextsOf(options: TlsServerOptions): {
  readonly main: tls.SecureContextOptions;
  of(name: string): tls.SecureContext | undefined;
} {
  checkAuthorities("tls.clientCa", options.clientCa);
  const prepare = (what: string, { cert, key }: TlsIdentity): tls.SecureContextOptions => {
    checkIdentity(what, { cert, key });
    const ca = options.clientCa;
    return { cert, key, minVersion: versionOf(options), ...(ca !== undefined && { ca }) };
  };
  const main = prepare("tls", options);
  const named = new Map<string, tls.SecureContext>();
  for (const [name, identity] of Object.entries(options.sni ?? {})) {
    const context = tls.createSecureContext(prepare(`tls.sni[${JSON.stringify(name)}]`, identity));
    named.set(name.toLowerCase(), context);
  }
  return {
    main,
    of(name) {
      const lower = name.toLowerCase();
      return named.get(lower) ?? named.get(lower.replace(/^[^.]+/, "*"));
    },
  };
}
