/**
 * Options of TLS: certificates, names and versions.
 *
 * @module
 */
import { type OptionSpec, special } from "./spec.ts";

/** A certificate and its private key. */
export interface TlsIdentity {
  /** The certificate as PEM text; behind it those of the authorities in between, if there are any. */
  readonly cert: string;
  /** Its private key as PEM text, without a passphrase. */
  readonly key: string;
}

/** TLS of a server. */
export interface TlsServerOptions extends TlsIdentity {
  /** The authorities whose client certificates are trusted, as PEM text. */
  readonly clientCa?: string;
  /**
   * Whether clients are asked for a certificate. `"require"` refuses those without a trusted one;
   * `"request"` takes them, and `conn.tls.authorized` says what came.
   *
   * @default {"none"}, or "require" when clientCa is given
   */
  readonly clientCertificate?: "none" | "request" | "require";
  /**
   * Application protocols to agree on (ALPN), the best first. A client that offers others only is
   * refused; one that offers none is taken. With `wss://` it is that of HTTP always.
   */
  readonly alpn?: readonly string[];
  /**
   * Certificates by the name that a client asks for (SNI): `"host"`, or `"*.host"` for all names one
   * level below. For all other names, and none, `cert` and `key` are used.
   */
  readonly sni?: Readonly<Record<string, TlsIdentity>>;
  /**
   * The least version of the protocol.
   *
   * @default {"1.2"}
   */
  readonly minVersion?: "1.2" | "1.3";
}

/** TLS of a client. */
export interface TlsClientOptions {
  /** The authorities to trust, as PEM text; by default those that the runtime trusts. */
  readonly ca?: string;
  /** The client's certificate as PEM text, for servers that ask for one. */
  readonly cert?: string;
  /** The private key of `cert`, as PEM text. */
  readonly key?: string;
  /** The name that the server's certificate must have; by default the host of the URL. */
  readonly serverName?: string;
  /** Application protocols to agree on (ALPN), the best first; with `wss://` that of HTTP always. */
  readonly alpn?: readonly string[];
  /**
   * The least version of the protocol.
   *
   * @default {"1.2"}
   */
  readonly minVersion?: "1.2" | "1.3";
}

const PEM = { type: "string", minLength: 1 };
const ALPN = { type: "array", items: { type: "string", minLength: 1, maxLength: 255 } };
const MIN_VERSION = { enum: ["1.2", "1.3"] };
const IDENTITY = { cert: PEM, key: PEM };

/** The spec of a server's `tls`. */
export const SERVER_TLS: OptionSpec<TlsServerOptions> = special(wrongServerTls, {
  live: true,
  schema: {
    type: "object",
    properties: {
      ...IDENTITY,
      clientCa: PEM,
      clientCertificate: { enum: ["none", "request", "require"] },
      alpn: ALPN,
      sni: {
        type: "object",
        additionalProperties: {
          type: "object",
          properties: IDENTITY,
          required: ["cert", "key"],
          additionalProperties: false,
        },
      },
      minVersion: MIN_VERSION,
    },
    required: ["cert", "key"],
    additionalProperties: false,
  },
});

/** The spec of a client's `tls`. */
export const CLIENT_TLS: OptionSpec<TlsClientOptions> = special(wrongClientTls, {
  schema: {
    type: "object",
    properties: {
      ca: PEM,
      ...IDENTITY,
      serverName: { type: "string", minLength: 1 },
      alpn: ALPN,
      minVersion: MIN_VERSION,
    },
    additionalProperties: false,
  },
});

const SERVER_SHAPE =
  "an object { cert, key, clientCa?, clientCertificate?, alpn?, sni?, minVersion? }";
const CLIENT_SHAPE = "an object { ca?, cert?, key?, serverName?, alpn?, minVersion? }";

function wrongServerTls(given: unknown): string | undefined {
  const wrong = (what: string) => `${SERVER_SHAPE} ${what},`;
  if (!isObject(given)) return SERVER_SHAPE;
  const { cert, key, clientCa, clientCertificate, alpn, sni, minVersion, ...others } = given;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) return wrong(`without ${unknown}`);
  if (!isText(cert) || !isText(key)) return wrong("whose cert and key are PEM texts");
  if (clientCa !== undefined && !isText(clientCa)) return wrong("whose clientCa is a PEM text");
  const asked = clientCertificate ?? (clientCa === undefined ? "none" : "require");
  if (asked !== "none" && asked !== "request" && asked !== "require") {
    return wrong('whose clientCertificate is "none", "request" or "require"');
  }
  if (asked !== "none" && clientCa === undefined) {
    return wrong(`with the clientCa that clientCertificate ${JSON.stringify(asked)} needs`);
  }
  if (asked === "none" && clientCa !== undefined) {
    return wrong('without clientCa when clientCertificate is "none"');
  }
  if (sni !== undefined && !(isObject(sni) && Object.entries(sni).every(isNamedIdentity))) {
    return wrong("whose sni has host names with { cert, key } each");
  }
  const common = wrongCommon(alpn, minVersion);
  return common && wrong(common);
}

function wrongClientTls(given: unknown): string | undefined {
  const wrong = (what: string) => `${CLIENT_SHAPE} ${what},`;
  if (!isObject(given)) return CLIENT_SHAPE;
  const { ca, cert, key, serverName, alpn, minVersion, ...others } = given;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) return wrong(`without ${unknown}`);
  for (const [name, text] of Object.entries({ ca, cert, key })) {
    if (text !== undefined && !isText(text)) return wrong(`whose ${name} is a PEM text`);
  }
  if ((cert === undefined) !== (key === undefined)) return wrong("with both cert and key or none");
  // Server Name Indication carries names only (RFC 6066, 3).
  if (serverName !== undefined && !(isText(serverName) && !/^[\d.]+$|:/.test(serverName))) {
    return wrong("whose serverName is a host name and no IP address");
  }
  const common = wrongCommon(alpn, minVersion);
  return common && wrong(common);
}

function wrongCommon(alpn: unknown, minVersion: unknown): string | undefined {
  const isName = (name: unknown) => isText(name) && new TextEncoder().encode(name).length < 256;
  if (alpn !== undefined && !(Array.isArray(alpn) && alpn.length > 0 && alpn.every(isName))) {
    return "whose alpn is a list of names of 1 to 255 bytes";
  }
  if (minVersion !== undefined && minVersion !== "1.2" && minVersion !== "1.3") {
    return 'whose minVersion is "1.2" or "1.3"';
  }
  return undefined;
}

function isNamedIdentity([name, identity]: [string, unknown]): boolean {
  return name !== "" && isObject(identity) && isText(identity.cert) && isText(identity.key) &&
    Object.keys(identity).length === 2;
}

function isObject(given: unknown): given is Record<string, unknown> {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}

function isText(given: unknown): given is string {
  return typeof given === "string" && given !== "";
}
