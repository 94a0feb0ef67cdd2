/**
 * The runtime that a test runs on, and the library as that runtime's programs see it.
 *
 * @module
 */

import type { Client } from "../../src/client/client.ts";
import type { Connect, ConnectOptions, Servers } from "../../src/client/connect.ts";
import type { ReconnectingClient } from "../../src/client/status.ts";
import { bunTcp } from "../../src/link/bun_tcp.ts";
import { denoTcp } from "../../src/link/deno_tcp.ts";
import type { Transport } from "../../src/link/link.ts";
import { nodeTcp } from "../../src/link/node_tcp.ts";
import type { CallsOf, ProtocolChoice } from "../../src/protocol/choice.ts";

import { connect as entryConnect, serve } from "#entry";

export { serve };

// They load what they need when they are called first. On a virtual clock nobody would wait for that, so
// it is done now: both refuse what they are asked here.
await Promise.allSettled([serve({ port: -1 }, { submit() {} }), entryConnect([])]);

/** `connect` as programs have it, which stays unless it is told not to. */
export const connectAndStay: Connect = entryConnect;

/** On real time a busy machine shall not be taken for a server that does not answer. */
const PATIENT = { connectTimeoutMs: 120_000, requestTimeoutMs: 120_000 };

/**
 * Connects once unless a test asks for more: most tests are about one connection, and its end shall
 * be the client's.
 */
export const connect: ConnectOnce = ((servers: string, options?: { readonly clock?: unknown }) => {
  const deadlines = options?.clock === undefined ? PATIENT : undefined;
  return entryConnect(servers, { reconnect: false, ...deadlines, ...options } as never);
}) as never;

/** {@linkcode Connect} with `reconnect: false` as its default. */
export interface ConnectOnce {
  <P extends ProtocolChoice = "submit">(
    servers: Servers,
    options: ConnectOptions<P> & { readonly reconnect: true },
  ): Promise<ReconnectingClient & CallsOf<P>>;
  <P extends ProtocolChoice = "submit">(
    url: string | URL,
    options?: ConnectOptions<P>,
  ): Promise<Client & CallsOf<P>>;
}

/** Which runtime this is. */
export const runtime: "deno" | "node" | "bun" = "Deno" in globalThis
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

/** What `serve` and `connect` use when they are given no transport. */
export const tcp: Transport = { deno: denoTcp, node: nodeTcp, bun: bunTcp }[runtime];

/** Whether {@linkcode collect} can collect: Node only does when it was started with --expose-gc. */
export const canCollect: boolean = typeof (globalThis as { gc?: unknown }).gc === "function";

/** Collects garbage, if the runtime lets a program do that. */
export function collect(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** Lets every callback run that is due now: several turns of the event loop, no time on the clock. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Waits until something holds, looking again after each turn of the event loop. */
export async function until(holds: () => boolean, what: string, withinMs = 20_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** A promise and what settles it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** Makes a promise to be settled from outside. */
export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}
