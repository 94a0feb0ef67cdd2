/**
 * Each device has a key of its own, derived from one that only the gateway and the factory know.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import process from "node:process";

const factoryKey = process.env["FACTORY_KEY"] ?? "only for trying it out";

/** The key that a device of this serial number was given when it was made: 16 bytes. */
export function keyOf(serial: string): Uint8Array {
  return createHmac("sha256", factoryKey).update(serial).digest().subarray(0, 16);
}

/** Whether a key is the one of a device; how long it takes to tell says nothing of the right one. */
export function isKeyOf(serial: string, key: Uint8Array): boolean {
  return timingSafeEqual(keyOf(serial), key);
}
