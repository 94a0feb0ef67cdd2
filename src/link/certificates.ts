/**
 * Certificates and keys that users give: checked before they are used.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { FramewireError } from "../errors.ts";
import type { TlsIdentity } from "../options/tls.ts";

/** How `node:tls` calls the least version. */
export function versionOf(
  { minVersion = "1.2" }: { readonly minVersion?: "1.2" | "1.3" },
): "TLSv1.2" | "TLSv1.3" {
  return `TLSv${minVersion}` as const;
}

/** @throws FramewireError INVALID_OPTION when they are none or no pair: Deno finds out much later. */
export function checkIdentity(what: string, { cert, key }: TlsIdentity): void {
  const certificate = parse(`${what}.cert`, "a certificate", () => new X509Certificate(cert));
  const secret = parse(`${what}.key`, "a private key", () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(secret)) {
    throw new FramewireError("INVALID_OPTION", `${what}.key is not the key of ${what}.cert`);
  }
}

/** @throws FramewireError INVALID_OPTION when a text has no certificates. */
export function checkAuthorities(what: string, pem: string | undefined): void {
  if (pem === undefined) return;
  const certificates = pem.match(/-----BEGIN [^]*?-----END [A-Z ]+-----/g) ?? [""];
  for (const one of certificates) parse(what, "certificates", () => new X509Certificate(one));
}

function parse<T>(what: string, wanted: string, read: () => T): T {
  try {
    return read();
  } catch {
    // Neither the text nor what the runtime says of it is shown: it may be a key.
    throw new FramewireError("INVALID_OPTION", `${what} must be ${wanted} as PEM text`);
  }
}
