/**
 * Turns results into Markdown: a short table for the README's first screen, a full one for
 * `bench/README.md`, and the list of missed targets. Pure but for {@linkcode replaceTable}.
 *
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { bytesCells, bytesLine, bytesMisses } from "./bytes_rows.mjs";
import { clientCells, clientLine, clientMisses } from "./client/rows.mjs";
import { CODEC_TARGET } from "./codec_rows.mjs";
import { faultCells, faultMisses } from "./faults_rows.mjs";
import { framingCells, framingLine, framingMisses } from "./framing_rows.mjs";
import { gateCells } from "./gates_rows.mjs";
import { heartbeatCells, heartbeatMisses, heartbeatText } from "./server/heartbeats.mjs";
import { STARTUP_TARGETS, startupCells, startupMisses, startupText } from "./startup_rows.mjs";
import { tlsCells } from "./tls/rows.mjs";
import { smppCells, smppLine, smppMisses } from "./protocol/smpp_rows.mjs";

/** The least that a server by defineProtocol is to reach of the one written by hand. */
const DEFINED_SHARE = 0.85;

const BEGIN = "<!-- bench:begin -->";
const END = "<!-- bench:end -->";

/** The short report: requests/s and ratios, idle memory, and the codecs side by side. */
export function shortReport(results) {
  const { machine, server, codec, framings, bytes, smpp, client } = results;
  const parts = [];
  if (server) {
    parts.push(
      workloadTable(server.workloads.map(withoutControls), throughputCell),
      idleLine(server.idle),
      heartbeatText(server.heartbeats),
      definedLine(server),
      codecLine(codec),
      framingLine(framings),
      bytesLine(bytes),
      smppLine(smpp),
      clientLine(client),
      `<sub>${conditions(machine, server)} \`npm run bench\` measures it again; latency, CPU, ` +
        "memory and the runtimes without a library are in [bench/README.md](bench/README.md).</sub>",
    );
  }
  return parts.filter(Boolean).join("\n\n");
}

/** The full report: also latency, CPU per request, memory, and every codec row. */
export function fullReport(
  { machine, server, codec, framings, bytes, smpp, gates, faults, client, startup },
) {
  const parts = [];
  if (server) {
    parts.push(
      conditions(machine, server),
      "Requests/s, and their ratios to the C limit's and to Go's:",
      workloadTable(server.workloads, throughputCell),
      "Latency, p50 / p99:",
      workloadTable(
        server.workloads,
        ({ median }) => `${ms(median.p50Us)} / ${ms(median.p99Us)} ms`,
      ),
      "CPU time per request (user and system, all threads), and resident memory under this load:",
      workloadTable(
        server.workloads,
        ({ median }) => `${median.cpuUsPerRequest.toFixed(2)} µs, ${mib(median.rssBytes)} MiB`,
      ),
      `Resident memory per idle connection, ${server.idle.connections} of them, at most ` +
        `${server.idle.targetBytes / 1024} KiB wanted of ours:`,
      idleTable(server.idle),
    );
    if (server.heartbeats) {
      const { head, body } = heartbeatCells(server.heartbeats);
      const { connections, targetShare } = server.heartbeats;
      parts.push(
        `${connections} connections that have said hello, with heartbeats every 30 s (wanted: under ` +
          `${targetShare * 100} % of a core, and 8 KiB each):`,
        markdown(head, body),
      );
    }
  }
  if (gates) {
    const { head, body } = gateCells(gates);
    parts.push("What gates cost, 50 connections × 64 in flight × 32 B:", markdown(head, body));
    if (gates.tls) {
      const { head, body } = tlsCells(gates.tls);
      parts.push("What TLS costs, 10 connections of a client in JavaScript:", markdown(head, body));
    }
  }
  if (faults) {
    const { head, body } = faultCells(faults);
    parts.push(
      "Twenty healthy clients beside fault actors: p99 of their submits, how many were lost, and the " +
        "most memory that the server took:",
      markdown(head, body),
    );
  }
  if (client) {
    const { head, body } = clientCells(client);
    parts.push(
      "Clients, calls a second of one connection with all defaults:",
      markdown(head, body),
    );
  }
  if (startup) {
    const { head, body } = startupCells(startup);
    parts.push(
      "What an entry takes to import, and how much longer a process with it takes than an empty one " +
        `(wanted: under ${STARTUP_TARGETS.importMs} ms):`,
      markdown(head, body),
      startupText(startup),
    );
  }
  if (codec) {
    parts.push("Codec, ns per frame; the last column of each runtime is TypeScript ÷ WASM:");
    parts.push(codecTable(codec));
  }
  if (framings) {
    const { head, body } = framingCells(framings);
    parts.push("Scans of every framing, ns per frame of 45 bytes on the average:");
    parts.push(markdown(head, body));
  }
  if (bytes) {
    const { head, body } = bytesCells(bytes);
    parts.push("Checksums and LZ4, in GB/s of what goes in or comes out:", markdown(head, body));
  }
  if (smpp) {
    const { head, body } = smppCells(smpp);
    parts.push("SMPP by `defineProtocol` beside the npm package `smpp`:", markdown(head, body));
  }
  return parts.join("\n\n");
}

/** One line per target that was missed; empty when all that were measured are met. */
export function misses({ server, codec, framings, bytes, smpp, faults, client, startup }) {
  return [
    ...codecMisses(codec),
    ...framingMisses(framings),
    ...bytesMisses(bytes),
    ...smppMisses(smpp),
    ...rateMisses(server),
    ...definedMisses(server),
    ...idleMisses(server?.idle),
    ...heartbeatMisses(server?.heartbeats),
    ...faultMisses(faults),
    ...clientMisses(client),
    ...startupMisses(startup),
  ];
}

/** What a server by defineProtocol reaches of the one written by hand, per workload and runtime. */
function definedShares(server) {
  const shares = [];
  for (const { title, rows } of server?.workloads ?? []) {
    for (const runtime of ["deno", "node"]) {
      const byHand = rows.find(({ name }) => name === runtime);
      const defined = rows.find(({ name }) => name === `${runtime}-defined`);
      if (byHand === undefined || defined === undefined) continue;
      shares.push({ title, runtime, share: defined.ofC / byHand.ofC });
    }
  }
  return shares;
}

function definedMisses(server) {
  return definedShares(server).filter(({ share }) => share < DEFINED_SHARE)
    .map(({ title, runtime, share }) =>
      `missed: ${title}: by defineProtocol ${share.toFixed(2)} of the one by hand on ${runtime}, ` +
      `wanted ${DEFINED_SHARE}`
    );
}

function definedLine(server) {
  const shares = definedShares(server);
  if (shares.length === 0) return "";
  const parts = [];
  for (const { title, runtime, share } of shares) {
    const name = runtime === "deno" ? "Deno" : "Node";
    if (runtime === "deno") parts.push(`${title}: ${share.toFixed(2)} on ${name}`);
    else parts[parts.length - 1] += `, ${share.toFixed(2)} on ${name}`;
  }
  return `The submit protocol by \`defineProtocol\` reaches of the one written by hand: ` +
    `${parts.join("; ")}.`;
}

function codecMisses(codec) {
  const { name, payload, chunk, tsOverWasm } = CODEC_TARGET;
  const lines = [];
  for (const runtime of codec === undefined ? [] : ["deno", "node"]) {
    const row = codec[runtime].find((row) =>
      row.name === name && row.payload === payload && row.chunk === chunk
    );
    if (row === undefined || row.tsNs / row.wasmNs >= tsOverWasm) continue;
    const ratio = (row.tsNs / row.wasmNs).toFixed(2);
    lines.push(
      `missed: codec, ${name}: ${ratio} times TypeScript on ${runtime}, wanted ${tsOverWasm}`,
    );
  }
  return lines;
}

function rateMisses(server) {
  const lines = [];
  for (const { title, target, rows } of server?.workloads ?? []) {
    for (const row of rows.filter(({ ours }) => ours)) {
      for (const [key, judge] of [["ofC", "the C limit"], ["ofGo", "Go"]]) {
        // A target without its judge (no Go on this machine) cannot be missed.
        const met = target[key] === undefined || row[key] === undefined || row[key] >= target[key];
        if (met) continue;
        const got = `${row[key].toFixed(2)} of ${judge}`;
        lines.push(`missed: ${title}: ${row.title} ${got}, wanted ${target[key]}`);
      }
    }
  }
  return lines;
}

function idleMisses(idle) {
  return (idle?.rows ?? [])
    .map((row) => ({ ...row, bytes: Math.max(row.silentBytes, row.laterBytes ?? 0) }))
    .filter(({ ours, bytes }) => ours && bytes > idle.targetBytes)
    .map(({ title, bytes }) =>
      `missed: idle: ${title} ${kib(bytes)} KiB per connection, wanted ${kib(idle.targetBytes)}`
    );
}

/** Puts `text` between the bench markers of a Markdown file; says so when there are none. */
export function replaceTable(file, text) {
  const old = existsSync(file) ? readFileSync(file, "utf8") : "";
  const from = old.indexOf(BEGIN);
  const to = old.indexOf(END);
  if (from === -1 || to < from) {
    console.warn(`note: ${file} has no ${BEGIN} … ${END}, so its table was not written`);
    return;
  }
  const next = `${old.slice(0, from + BEGIN.length)}\n\n${text}\n\n${old.slice(to)}`;
  if (next !== old) writeFileSync(file, next);
}

function conditions({ cpu, cores, os, versions }, { rounds, seconds, measuredAt, loadBefore }) {
  const go = versions.go === undefined ? "" : `, Go ${versions.go}`;
  return `Medians of ${rounds} rounds of ${seconds} s in which all take turns, ratios within a ` +
    `round; ${cpu}, ${cores} cores, load ${
      loadBefore.toFixed(1)
    } before, ${os}; Deno ${versions.deno}, Node ${versions.node}${go}, ` +
    `gcc ${versions.gcc}; ${measuredAt.slice(0, 10)}.`;
}

/** The controls tell our share from the runtime's, which is a question for the full report. */
function withoutControls(workload) {
  const shown = ({ name }) => !name.startsWith("bare-") && !name.endsWith("-defined");
  return { ...workload, rows: workload.rows.filter(shown) };
}

/** Workloads down, subjects across; a subject without that workload gets a dash. */
function workloadTable(workloads, cell) {
  const columns = new Map();
  for (const { rows } of workloads) for (const row of rows) columns.set(row.name, row);
  const body = workloads.map(({ title, rows }) => [
    title,
    ...[...columns.keys()].map((name) => {
      const row = rows.find((candidate) => candidate.name === name);
      if (row === undefined) return "–";
      return row.ours ? `**${cell(row)}**` : cell(row);
    }),
  ]);
  return markdown(["", ...headings([...columns.values()])], body);
}

function headings(rows) {
  return rows.map(({ title, ours }) => ours ? `**${title}**` : title);
}

function throughputCell({ name, median, ofC, ofGo }) {
  const rate = perSecond(median.requestsPerS);
  if (name === "c") return rate;
  const ofGoToo = name === "go" || ofGo === undefined ? "" : `, ${ofGo.toFixed(2)} of Go`;
  return `${rate}: ${ofC.toFixed(2)} of C${ofGoToo}`;
}

function idleLine(idle) {
  const cells = idle.rows
    .filter(({ ours, name }) => ours || name === "go")
    .map(({ title, silentBytes }) => `${kib(silentBytes)} KiB (${title})`);
  return `One of ${idle.connections} idle connections takes ${cells.join(", ")}.`;
}

function idleTable({ rows }) {
  const row = (label, key) => [label, ...rows.map((subject) => `${kib(subject[key])} KiB`)];
  return markdown(["", ...headings(rows)], [
    row("never sent a byte", "silentBytes"),
    row("had one submit answered", "askedBytes"),
    ...(rows.every(({ laterBytes }) => laterBytes !== undefined)
      ? [row("the same, half a minute later", "laterBytes")]
      : []),
  ]);
}

function codecLine(codec) {
  const { name, payload, chunk } = CODEC_TARGET;
  const row = codec?.deno.find((row) =>
    row.name === name && row.payload === payload && row.chunk === chunk
  );
  if (row === undefined) return "";
  return `To find a frame of ${payload} B payload in a chunk of ${chunk / 1024} KiB ` +
    `and encode its acknowledgement takes ${row.wasmNs.toFixed(1)} ns in WebAssembly ` +
    `and ${row.tsNs.toFixed(1)} ns in TypeScript (on Deno).`;
}

function codecTable({ deno, node }) {
  const cells = (row) =>
    row === undefined
      ? ["–", "–", "–"]
      : [row.wasmNs.toFixed(1), row.tsNs.toFixed(1), `${(row.tsNs / row.wasmNs).toFixed(2)}×`];
  const body = deno.map((row) => {
    const twin = node.find(({ name, payload, chunk }) =>
      name === row.name && payload === row.payload && chunk === row.chunk
    );
    return [row.name, `${row.payload} B`, chunkTitle(row.chunk), ...cells(row), ...cells(twin)];
  });
  const columns = ["Deno WASM", "TS", "TS ÷ WASM", "Node WASM", "TS", "TS ÷ WASM"];
  return markdown(["work", "payload", "chunk", ...columns], body);
}

function chunkTitle(chunk) {
  if (typeof chunk !== "number") return chunk;
  return chunk % 1024 === 0 ? `${chunk / 1024} KiB` : `${chunk} B`;
}

/** A Markdown table, padded as `deno fmt` pads it. */
function markdown(head, body) {
  const rows = [head, ...body];
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((text, column) => text.padEnd(widths[column])).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(head), rule, ...body.map(line)].join("\n");
}

function perSecond(rate) {
  return rate >= 1e6 ? `${(rate / 1e6).toFixed(2)} M/s` : `${Math.round(rate / 1e3)} k/s`;
}

function ms(us) {
  return (us / 1000).toFixed(2);
}

function kib(bytes) {
  return (bytes / 1024).toFixed(1);
}

function mib(bytes) {
  return Math.round(bytes / 2 ** 20);
}
