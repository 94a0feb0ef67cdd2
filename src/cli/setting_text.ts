/**
 * Options as texts, of flags and of the environment: what each kind of option is written like.
 *
 * @module
 */
import { parseDuration } from "./duration.ts";
import { parseAcceptRate, parseRates, RATES_EXPECTED } from "./rate_text.ts";
import { parseSize } from "./size.ts";

/** What texts an option takes. */
export interface SettingText {
  /** What the help calls it. */
  readonly placeholder: string;
  /** What it must be, for messages; without it the option's own check says so. */
  readonly expected?: string;
  /** Whether it may be given several times, and then is a list. */
  readonly list?: true;
  /** What it stands for; undefined when it is none. */
  read(text: string): unknown;
}

type Schema = Readonly<Record<string, unknown>>;

const DURATION: SettingText = {
  placeholder: "TIME",
  expected: "a time such as 500ms, 30s, 5m, or a number of milliseconds,",
  read: (text) => parseDuration(text),
};
const SIZE: SettingText = {
  placeholder: "SIZE",
  expected: "a size such as 65536, 64k or 1M",
  read: parseSize,
};
const LIST: SettingText = { placeholder: "LIST", list: true, read: items };

/** Options that are written in a way of their own. */
const OWN: Readonly<Record<string, SettingText>> = {
  allow: { ...LIST, placeholder: "CIDR,…" },
  deny: { ...LIST, placeholder: "CIDR,…" },
  listen: { ...LIST, placeholder: "URL,…" },
  proxyProtocol: {
    placeholder: "CIDR,…",
    list: true,
    read: (text) => ({ trusted: items(text) }),
  },
  rate: { placeholder: "RATES", expected: RATES_EXPECTED, list: true, read: parseRates },
  acceptRatePerIp: {
    placeholder: "N/s:BURST",
    expected: "connections a second and at once, such as 10/s:20,",
    read: parseAcceptRate,
  },
  slowConsumer: { placeholder: "POLICY", read: (text) => text },
  writeMode: {
    placeholder: "MODE",
    expected: "batch, immediate, or a time and a size such as 5ms,64k",
    read: parseWriteMode,
  },
  statsIntervalMs: {
    placeholder: "SECONDS",
    expected: "a number of seconds, or a time such as 30s or 5m,",
    read: (text) => parseDuration(text, "s"),
  },
  sessions: {
    placeholder: "memory|FILE",
    expected: "memory or the path of a file",
    read: (text) => text === "memory" ? {} : text === "" ? text : { storeFile: text },
  },
  ...Object.fromEntries(
    ["tokenFile", "usersFile", "tlsCert", "tlsKey", "tlsClientCa"].map((name) => [
      name,
      { placeholder: "FILE", read: (text: string) => text },
    ]),
  ),
};

/** What texts an option takes; undefined where none can say it. */
export function settingText(name: string, schema: Schema): SettingText | undefined {
  if (Object.hasOwn(OWN, name)) return OWN[name];
  if (Array.isArray(schema.enum)) {
    return { placeholder: schema.enum.join("|"), read: (text) => text };
  }
  if (schema.type === "string") return { placeholder: "TEXT", read: (text) => text };
  if (name.endsWith("Ms")) return DURATION;
  if (name.includes("Bytes")) return SIZE;
  if (schema.type === "integer") {
    return { placeholder: "N", read: (text) => /^\d+$/.test(text) ? Number(text) : text };
  }
  if (schema.type === "boolean") {
    return {
      placeholder: "true|false",
      read: (text) => text === "true" ? true : text === "false" ? false : text,
    };
  }
  return schema.type === "array" ? LIST : undefined;
}

function items(text: string): string[] {
  return text.split(",").map((part) => part.trim()).filter((part) => part !== "");
}

function parseWriteMode(text: string): unknown {
  if (!text.includes(",")) return text === "batch" || text === "immediate" ? text : undefined;
  const [time = "", size = ""] = items(text);
  const [delayMs, bytes] = [parseDuration(time), parseSize(size)];
  return delayMs === undefined || bytes === undefined ? undefined : { delayMs, bytes };
}
