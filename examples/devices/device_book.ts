/**
 * What the gateway knows of its devices. It is in memory here; a gateway of yours has a database.
 */
import { type ConnOf, isFramewireError } from "framewire";
import type { Action, deviceProtocol, Reading } from "./protocol.ts";

/** A connection of a device. */
export type DeviceConn = ConnOf<typeof deviceProtocol>;

/** A command and what became of it: it waits until the device has carried it out, or cannot. */
export interface Command {
  readonly number: number;
  readonly action: Action;
  state: "waits" | "done" | "failed";
  /** Why it failed, as the device says. */
  reason?: string;
}

/** How long a device may take over a command before it is sent to the device again. */
const COMMAND_MS = 10_000;

/** Devices know commands by their number: those of an earlier run of the gateway do not come again. */
let lastNumber = Math.floor(Date.now() / 1000);

/** One device. */
export class Device {
  readonly serial: string;
  readonly commands: Command[] = [];
  /** When it measured last, in seconds since 1970, and what. */
  latest: { readonly at: number; readonly readings: readonly Reading[] } | undefined;
  #conn: DeviceConn | undefined;
  #delivering = false;

  constructor(serial: string) {
    this.serial = serial;
  }

  /** Whether it is connected. */
  get online(): boolean {
    return this.#conn?.open === true;
  }

  /** It has logged in. A connection that it had before is a dead one, or somebody has copied it. */
  cameBy(conn: DeviceConn): void {
    this.#conn?.close("the device has logged in anew");
    this.#conn = conn;
    void this.#deliver();
  }

  /** A connection of it has ended. */
  left(conn: DeviceConn): void {
    if (this.#conn === conn) this.#conn = undefined;
  }

  /** Puts a command behind the others. It is sent now, or when the device is there. */
  order(action: Action): Command {
    const command: Command = { number: ++lastNumber, action, state: "waits" };
    this.commands.push(command);
    void this.#deliver();
    return command;
  }

  /** Sends what waits, one after the other, for as long as the device is there. */
  async #deliver(): Promise<void> {
    if (this.#delivering) return;
    this.#delivering = true;
    for (;;) {
      const conn = this.#conn;
      const command = this.commands.find(({ state }) => state === "waits");
      if (conn?.open !== true || command === undefined) break;
      const { number, action } = command;
      try {
        const answer = await conn.call("command", { number, action }, { timeoutMs: COMMAND_MS });
        if (answer.packet === "failed") command.reason = answer.reason;
        command.state = answer.packet;
      } catch (error) {
        // No answer: it may have been carried out. Sent again, it has the same number.
        if (!isFramewireError(error) || error.outcome === "not-sent" && conn.open) throw error;
      }
    }
    this.#delivering = false;
  }
}
