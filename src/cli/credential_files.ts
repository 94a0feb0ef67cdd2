/**
 * Files of tokens and of users: a name and a secret's hash on each line.
 *
 * ```text
 * # comments and empty lines are passed over; a name may have several tokens
 * billing   sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
 * reports   token:VGhpcyBpcyBub3QgYSB0b2tlbg
 * ```
 *
 * `sha256:` is followed by the hexadecimal SHA-256 of a token, `token:` by the token itself, which
 * then is hashed as it is read. In a file of users stands what `hashPassword` made:
 * `alice $pbkdf2-sha256$i=600000$…`.
 *
 * @module
 */
import { anyOf, tokens, users } from "../gates/credentials.ts";
import { hashToken, parsePasswordHash, parseTokenHash } from "../gates/secrets.ts";
import type { Authenticate } from "../options/submit.ts";
import { UsageError } from "./failure.ts";
import type { CommandOptions } from "./file_settings.ts";
import { readSecret } from "./files.ts";

/** What shorter tokens could be guessed from. */
const LEAST_TOKEN_CHARS = 16;

/** Whom a server knows, from files that may be read again. */
export class Credentials {
  #authenticate: Authenticate;
  /** The files' texts by their options. */
  #texts: Readonly<Record<string, string>>;

  constructor(authenticate: Authenticate, texts: Readonly<Record<string, string>>) {
    this.#authenticate = authenticate;
    this.#texts = texts;
  }

  /** What `serve` takes: it asks whatever was read last. */
  readonly authenticate: Authenticate = (hello, conn) => this.#authenticate(hello, conn);

  /**
   * Knows from now on whom `next` knows. Connections that stand keep their principal.
   *
   * @returns The options whose files are different.
   */
  become(next: Credentials): string[] {
    const [before, after] = [this.#texts, next.#texts];
    const changed = ["tokenFile", "usersFile"].filter((name) => before[name] !== after[name]);
    this.#authenticate = next.#authenticate;
    this.#texts = after;
    return changed;
  }
}

/**
 * Reads the files that options name.
 *
 * @param warn Is told of files that others may read.
 * @returns Undefined when no option names one.
 * @throws UsageError One cannot be read, or a line is wrong.
 */
export async function readCredentials(
  { tokenFile, usersFile }: CommandOptions,
  warn: (line: string) => void,
): Promise<Credentials | undefined> {
  const ways: Authenticate[] = [];
  const texts: Record<string, string> = {};
  if (tokenFile !== undefined) {
    texts.tokenFile = await readSecret(tokenFile, warn);
    ways.push(tokens(await readTokens(tokenFile, texts.tokenFile)));
  }
  if (usersFile !== undefined) {
    texts.usersFile = await readSecret(usersFile, warn);
    ways.push(users(readUsers(usersFile, texts.usersFile)));
  }
  return ways.length === 0 ? undefined : new Credentials(anyOf(...ways), texts);
}

async function readTokens(path: string, text: string): Promise<Record<string, string[]>> {
  const hashes = new Map<string, string[]>();
  for (const { name, secret, where } of linesOf(path, text, "sha256:… or token:…")) {
    const token = /^token:(.*)$/.exec(secret)?.[1];
    if (
      token === undefined ? parseTokenHash(secret) === undefined : token.length < LEAST_TOKEN_CHARS
    ) {
      throw new UsageError(
        `${where}: behind the name stands sha256: and 64 hexadecimal digits (lower case), or token: ` +
          `and a token of at least ${LEAST_TOKEN_CHARS} characters`,
      );
    }
    const hash = token === undefined ? secret : await hashToken(token);
    hashes.set(name, [...(hashes.get(name) ?? []), hash]);
  }
  return Object.fromEntries(hashes);
}

function readUsers(path: string, text: string): Record<string, string> {
  const hashes = new Map<string, string>();
  for (const { name, secret, where } of linesOf(path, text, "$pbkdf2-sha256$…")) {
    if (parsePasswordHash(secret) === undefined) {
      throw new UsageError(
        `${where}: behind the name stands what hashPassword made: $pbkdf2-sha256$…`,
      );
    }
    if (hashes.has(name)) throw new UsageError(`${where}: the user ${name} is there twice`);
    hashes.set(name, secret);
  }
  return Object.fromEntries(hashes);
}

/** The lines that say something. What is wrong with one is told without what it says: it is a secret. */
function linesOf(
  path: string,
  text: string,
  form: string,
): { readonly name: string; readonly secret: string; readonly where: string }[] {
  const lines = text.split("\n").flatMap((line, index) => {
    const words = line.trim().split(/\s+/);
    if (words[0] === "" || words[0]!.startsWith("#")) return [];
    const where = `line ${index + 1} of ${path}`;
    if (words.length !== 2) {
      throw new UsageError(`${where} must be a name and ${form}, with a space between them`);
    }
    return [{ name: words[0]!, secret: words[1]!, where }];
  });
  // Nobody at all could come in: more likely the wrong file.
  if (lines.length === 0) throw new UsageError(`${path} has no lines of a name and ${form}`);
  return lines;
}
