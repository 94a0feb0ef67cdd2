// The memory map. Addresses are in bytes; every area begins on a multiple of 16.
// build.ts copies these constants into dist/abi.ts, for the one TypeScript file that shares them.
// They are plain expressions of numbers, so that build.ts can evaluate them outside AssemblyScript.

/** Words per table entry: offset, length, kind, and what surrounds the content. */
export const FRAME_WORDS: u32 = 4;

/** Bytes per table entry. */
export const FRAME_ENTRY_BYTES: u32 = FRAME_WORDS * 4;

/** Frames that one scan can report: more than 64 KiB of the shortest submit frames. */
export const TABLE_FRAMES: u32 = 5120;

/** One acknowledgement of the submit protocol. */
export const ACK_BYTES: u32 = 14;

/** What a scan reports beside the table; see the RESULT_ words below. */
export const RESULT: u32 = 0;

/** The framing that the generic scans read; see the CONFIG_ offsets below. */
export const CONFIG: u32 = 64;

/** What scan_delimiter looks for, the longest first: each a word of length, then the bytes. */
export const DELIMITERS: u32 = 256;

/** How many there can be. */
export const MAX_DELIMITERS: u32 = 8;

/** Bytes per delimiter: its length, and at the most 64 bytes. */
export const DELIMITER_ENTRY_BYTES: u32 = 80;

/** The table of frames. */
export const TABLE: u32 = DELIMITERS + MAX_DELIMITERS * DELIMITER_ENTRY_BYTES;

/** One result byte per frame, read by encode_acks. */
export const RESULTS: u32 = TABLE + TABLE_FRAMES * FRAME_ENTRY_BYTES;

/** Where encode_acks writes; 16 spare bytes at the end take the slack of the last store. */
export const ACKS: u32 = RESULTS + TABLE_FRAMES;

/** Size of the acknowledgements' area. */
export const ACKS_BYTES: u32 = TABLE_FRAMES * ACK_BYTES + 16;

/** The window that input is copied into. */
export const WINDOW: u32 = ACKS + ACKS_BYTES;

/** One pass of a scan finds the frames that begin in a window of so many bytes. */
export const WINDOW_BYTES: u32 = 65536;

/** The longest header: so many bytes follow the window, for a frame that begins at its end. */
export const MAX_HEADER_BYTES: u32 = 256;

/** Lookup tables of the checksums: CRC-32C, then CRC-32. */
export const CRC_TABLES: u32 = WINDOW + WINDOW_BYTES + MAX_HEADER_BYTES + 16;

/** Slicing by 8: eight tables of 256 words. */
export const CRC_TABLE_BYTES: u32 = 8192;

/** Never written: zeros stand before CRC_WINDOW, at least as many as crc32 looks back. */
export const CRC_ZEROS: u32 = CRC_TABLES + 2 * CRC_TABLE_BYTES;

/** Size of each area of zeros. */
export const CRC_ZEROS_BYTES: u32 = 288;

/** The window that bytes to be checked are copied into; crc32 overwrites it. */
export const CRC_WINDOW: u32 = CRC_ZEROS + CRC_ZEROS_BYTES;

/** One call of crc32 takes so many bytes at the most. */
export const CRC_WINDOW_BYTES: u32 = 65536;

/** Where crc32 leaves the rest of the window, after zeros of its own; 64 spare bytes are between. */
export const CRC_REST: u32 = CRC_WINDOW + CRC_WINDOW_BYTES + 64 + CRC_ZEROS_BYTES;

/** Size of CRC_REST, its slack included. */
export const CRC_REST_BYTES: u32 = 416;

/** What an LZ4 kernel leaves for its next call; see the LZ4_ offsets below. */
export const LZ4_STATE: u32 = CRC_REST + CRC_REST_BYTES;

/** The compressor's hash table: the last place, as a word, of each hash of 5 bytes. */
export const LZ4_TABLE: u32 = LZ4_STATE + 64;

/** Size of LZ4_TABLE. */
export const LZ4_TABLE_BYTES: u32 = 32768;

/** The compressed side of LZ4, which shares the checksums' window. */
export const LZ4_PACKED: u32 = CRC_WINDOW;

/** Size of LZ4_PACKED; 64 spare bytes follow. */
export const LZ4_PACKED_BYTES: u32 = 65536;

/** The plain side of LZ4: what was before, then what is new. */
export const LZ4_PLAIN: u32 = LZ4_TABLE + LZ4_TABLE_BYTES;

/** How far back a match reaches, and 16 bytes, 8 of which the compressor looks at before it. */
export const LZ4_HISTORY_BYTES: u32 = 65536 + 16;

/** Size of LZ4_PLAIN; 64 spare bytes follow. */
export const LZ4_PLAIN_BYTES: u32 = LZ4_HISTORY_BYTES + 131072;

/** Where the memory in use ends. */
export const MEMORY_BYTES: u32 = LZ4_PLAIN + LZ4_PLAIN_BYTES + 64;

/** Memory in pages of 64 KiB. It never grows. */
export const MEMORY_PAGES: u32 = 9;

// Words of RESULT, as byte offsets.

/** Offset in the chunk of the first byte that no complete frame covers. */
export const RESULT_CONSUMED: u32 = 0;
/** Bytes that must be there before another scan can find more, or 0. */
export const RESULT_NEED: u32 = 4;
/** A STATUS_ number. */
export const RESULT_STATUS: u32 = 8;
/** A malformed frame's length field, low and high half; an incomplete frame's whole length. */
export const RESULT_FIELD_LOW: u32 = 12;
/** See RESULT_FIELD_LOW. */
export const RESULT_FIELD_HIGH: u32 = 16;

// Fields of CONFIG, as byte offsets.

/** 16 indices for i8x16.swizzle: gather the length field into a little-endian u64. */
export const CONFIG_LENGTH_LANES: u32 = 0;
/** The same for the kind field. */
export const CONFIG_KIND_LANES: u32 = 16;
/** scan_length_field: an ORDER_ number. */
export const CONFIG_ORDER: u32 = 88;
/** scan_length_field: the bits of a word that a field of ORDER_BIG has not. */
export const CONFIG_UNUSED_BITS: u32 = 92;
/** scan_length_field: the bits of the kind field, as the low ones of a word. */
export const CONFIG_KIND_MASK: u32 = 96;
/** scan_length_field: 0 for a kind in little endian, else 32 and the bits of a word it has not. */
export const CONFIG_KIND_SWAP: u32 = 100;
/** Bytes before the length field. */
export const CONFIG_LENGTH_OFFSET: u32 = 32;
/** Bytes before the kind field. */
export const CONFIG_KIND_OFFSET: u32 = 36;
/** Bytes that must be there before the length is known. */
export const CONFIG_HEADER_BYTES: u32 = 40;
/** Added to the length field to get the whole frame's length; may be negative. */
export const CONFIG_BASE: u32 = 44;
/** The shortest frame allowed; scan_varint: what follows the length; scan_delimiter: the content. */
export const CONFIG_MIN_FRAME_BYTES: u32 = 48;
/** The fourth word of every frame: what its framing strips. */
export const CONFIG_STRIP: u32 = 52;
/** As a u64: the sign bit of a signed length field, else 0. */
export const CONFIG_SIGN: u32 = 56;
/** scan_varint: the most bytes a length may have. */
export const CONFIG_MAX_VARINT_BYTES: u32 = 64;
/** scan_varint: all bits set when the kind is counted from the length's end, else 0. */
export const CONFIG_KIND_BEHIND: u32 = 68;
/** scan_delimiter: how many delimiters there are. */
export const CONFIG_DELIMITERS: u32 = 72;
/** scan_delimiter: how many different last bytes they have. */
export const CONFIG_LASTS: u32 = 76;
/** scan_delimiter: those bytes; the second repeats the first when there is only one. */
export const CONFIG_LAST_BYTES: u32 = 80;

// How a length field is read.

/** By a swizzle: signed, or longer than a word. */
export const ORDER_ANY: u32 = 0;
/** As an unsigned word with its bytes swapped. */
export const ORDER_BIG: u32 = 1;
/** As an unsigned word. */
export const ORDER_LITTLE: u32 = 2;

// What ends a scan; the numbers of ScanStatus in src/codec/codec.ts.

/** The end of the chunk, of the piece that was copied in, or of the table. */
export const STATUS_OK: u32 = 0;
/** A frame is longer than the limit. */
export const STATUS_FRAME_TOO_LARGE: u32 = 1;
/** A frame is shorter than its protocol allows. */
export const STATUS_LENGTH_UNDERFLOW: u32 = 2;
/** A varint has more bytes than allowed. */
export const STATUS_VARINT_TOO_LONG: u32 = 3;
/** There is no delimiter in as many bytes as a frame may have. */
export const STATUS_DELIMITER_NOT_FOUND: u32 = 4;

/** Bytes of a submit frame before its command: the u32 total. */
export const SUBMIT_LENGTH_BYTES: u32 = 4;
/** Where a submit frame's command stands. */
export const SUBMIT_KIND_OFFSET: u32 = 4;
/** The shortest submit frame: total, command and id. */
export const SUBMIT_MIN_FRAME_BYTES: u32 = 13;

// Words of LZ4_STATE, as byte offsets. The kernels that compress and decompress share them.

/** lz4_compress: where it is in the input. lz4_decompress: the address of the next packed byte. */
export const LZ4_AT: u32 = 0;
/** lz4_compress: where the literals of the next sequence begin. */
export const LZ4_ANCHOR: u32 = 4;
/** Bytes of the match under way, or 0. */
export const LZ4_MATCH_BYTES: u32 = 8;
/** How far back that match is. */
export const LZ4_DISTANCE: u32 = 12;
/** lz4_compress: how far apart the positions are that it looks at; 0 before a search. */
export const LZ4_STEP: u32 = 16;
/** The address of the next byte to write. */
export const LZ4_OUT: u32 = 20;
/** lz4_compress: where the step gets longer. */
export const LZ4_STEP_END: u32 = 24;
/** lz4_decompress: literals of the sequence under way. */
export const LZ4_LITERALS: u32 = 24;
/** lz4_decompress: a LZ4_PHASE_ number. */
export const LZ4_PHASE: u32 = 28;

// What ends a call of an LZ4 kernel. The numbers above 1 of lz4_decompress are errors.

/** There is no more input in the window, or no more room for output. */
export const LZ4_MORE: u32 = 0;
/** The block is complete. */
export const LZ4_DONE: u32 = 1;
/** lz4_compress: the sequence in LZ4_STATE does not fit the windows; the caller writes it. */
export const LZ4_SEQUENCE: u32 = 2;
/** lz4_decompress: the input ends inside a sequence. */
export const LZ4_TRUNCATED: u32 = 2;
/** lz4_decompress: there are more bytes than declared. */
export const LZ4_TOO_LONG: u32 = 3;
/** lz4_decompress: there are fewer bytes than declared. */
export const LZ4_TOO_SHORT: u32 = 4;
/** lz4_decompress: a match that begins before the first byte, or at no distance. */
export const LZ4_BAD_DISTANCE: u32 = 5;
