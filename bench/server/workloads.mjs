/**
 * What is measured, and what our server has to reach: ratios of its requests/s to those of the C
 * limit server (`ofC`) and of the Go server (`ofGo`).
 *
 * @module
 */

/**
 * @typedef {{ name: string, title: string, mode: "sync" | "async" | "echo", connections: number,
 *   window: number, payloadBytes: number, target: { ofC?: number, ofGo?: number } }} Workload
 * `window` is how many requests each connection keeps outstanding.
 */

/** @type {readonly Workload[]} */
export const WORKLOADS = [
  {
    name: "pipelined",
    title: "submit, 50 connections × 64 in flight × 32 B",
    mode: "sync",
    connections: 50,
    window: 64,
    payloadBytes: 32,
    target: { ofC: 0.6, ofGo: 1 },
  },
  {
    name: "pingpong",
    title: "submit, 50 × 1 × 32 B",
    mode: "sync",
    connections: 50,
    window: 1,
    payloadBytes: 32,
    target: { ofC: 0.65 },
  },
  {
    name: "kilobyte",
    title: "submit, 50 × 16 × 1 KiB",
    mode: "sync",
    connections: 50,
    window: 16,
    payloadBytes: 1024,
    target: { ofC: 0.6 },
  },
  {
    name: "bulk",
    title: "submit, 8 × 4 × 64 KiB",
    mode: "sync",
    connections: 8,
    window: 4,
    payloadBytes: 64 << 10,
    target: { ofC: 0.8 },
  },
  {
    name: "async",
    title: "submit, async handler, 50 × 64 × 32 B",
    mode: "async",
    connections: 50,
    window: 64,
    payloadBytes: 32,
    target: { ofC: 0.3 },
  },
  {
    name: "echo",
    title: "echo, 50 × 64 × 32 B",
    mode: "echo",
    connections: 50,
    window: 64,
    payloadBytes: 32,
    target: {},
  },
];

/**
 * How many connections stand idle, and the bytes of resident memory that each may take. What it took to
 * answer is garbage that V8 collects when it has been idle itself, within half a minute.
 */
export const IDLE = { connections: 8000, targetBytes: 8192, laterSeconds: 30 };
