// The exports of codec.wasm, beside its memory. README.md has their contract.
export { encode_acks } from "./encode_acks";
export { scan_length_field } from "./scan_length_field";
export { scan_submit } from "./scan_submit";
