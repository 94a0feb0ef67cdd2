import {
  FRAME_ENTRY_BYTES,
  RESULT,
  RESULT_CONSUMED,
  RESULT_FIELD_HIGH,
  RESULT_FIELD_LOW,
  RESULT_NEED,
  RESULT_STATUS,
  TABLE,
} from "./layout";

/** Writes RESULT, which has the same meaning for every scan kernel, and returns the frame count. */
// @ts-ignore: decorator
@inline
export function report(entry: u32, consumed: u32, need: u32, status: u32, field: u64): i32 {
  store<u32>(RESULT + RESULT_CONSUMED, consumed);
  store<u32>(RESULT + RESULT_NEED, need);
  store<u32>(RESULT + RESULT_STATUS, status);
  store<u32>(RESULT + RESULT_FIELD_LOW, <u32> field);
  store<u32>(RESULT + RESULT_FIELD_HIGH, <u32> (field >> 32));
  return (entry - TABLE) / FRAME_ENTRY_BYTES;
}
