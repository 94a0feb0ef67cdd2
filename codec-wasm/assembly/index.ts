// The exports of codec.wasm, beside its memory. README.md has their contract.
export { crc32 } from "./crc32";
export { encode_acks } from "./encode_acks";
export { lz4_compress } from "./lz4_compress";
export { lz4_decompress } from "./lz4_decompress";
export { scan_delimiter } from "./scan_delimiter";
export { scan_length_field } from "./scan_length_field";
export { scan_submit } from "./scan_submit";
export { scan_varint } from "./scan_varint";
