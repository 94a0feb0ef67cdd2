// The memory map. Addresses are in bytes; every area begins on a multiple of 16.
// build.ts copies these constants into dist/abi.ts, for the one TypeScript file that shares them.
// They are plain expressions of numbers, so that build.ts can evaluate them outside AssemblyScript.

/** Words per table entry: offset, length, kind, and one left to the protocol. */
export const FRAME_WORDS: u32 = 4;

/** Bytes per table entry. */
export const FRAME_ENTRY_BYTES: u32 = FRAME_WORDS * 4;

/** Frames that one scan can report: more than 64 KiB of the shortest submit frames. */
export const TABLE_FRAMES: u32 = 5120;

/** One acknowledgement of the submit protocol. */
export const ACK_BYTES: u32 = 14;

/** What a scan reports beside the table; see the RESULT_ words below. */
export const RESULT: u32 = 0;

/** The layout that scan_length_field reads; see the CONFIG_ offsets below. */
export const CONFIG: u32 = 64;

/** The table of frames. */
export const TABLE: u32 = 256;

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

/** Where the memory in use ends; 16 spare bytes keep 16-byte loads in bounds. */
export const MEMORY_BYTES: u32 = WINDOW + WINDOW_BYTES + MAX_HEADER_BYTES + 16;

/** Memory in pages of 64 KiB. It never grows. */
export const MEMORY_PAGES: u32 = 4;

// Words of RESULT, as byte offsets.

/** Offset in the chunk of the first byte that no complete frame covers. */
export const RESULT_CONSUMED: u32 = 0;
/** Bytes that must be there before another scan can find more, or 0. */
export const RESULT_NEED: u32 = 4;
/** A STATUS_ number. */
export const RESULT_STATUS: u32 = 8;
/** The malformed frame's length field, low and high half. */
export const RESULT_FIELD_LOW: u32 = 12;
/** See RESULT_FIELD_LOW. */
export const RESULT_FIELD_HIGH: u32 = 16;

// Fields of CONFIG, as byte offsets.

/** 16 indices for i8x16.swizzle: gather the length field into a little-endian u64. */
export const CONFIG_LENGTH_LANES: u32 = 0;
/** The same for the kind field. */
export const CONFIG_KIND_LANES: u32 = 16;
/** Bytes before the length field. */
export const CONFIG_LENGTH_OFFSET: u32 = 32;
/** Bytes before the kind field. */
export const CONFIG_KIND_OFFSET: u32 = 36;
/** Bytes that must be there before the length is known. */
export const CONFIG_HEADER_BYTES: u32 = 40;
/** Added to the length field to get the whole frame's length; may be negative. */
export const CONFIG_BASE: u32 = 44;
/** The shortest frame allowed. */
export const CONFIG_MIN_FRAME_BYTES: u32 = 48;

// What ends a scan; the numbers of ScanStatus in src/codec/codec.ts.

/** The end of the chunk, of the piece that was copied in, or of the table. */
export const STATUS_OK: u32 = 0;
/** A frame is longer than the limit. */
export const STATUS_FRAME_TOO_LARGE: u32 = 1;
/** A frame is shorter than its protocol allows. */
export const STATUS_LENGTH_UNDERFLOW: u32 = 2;

/** Bytes of a submit frame before its command: the u32 total. */
export const SUBMIT_LENGTH_BYTES: u32 = 4;
/** Where a submit frame's command stands. */
export const SUBMIT_KIND_OFFSET: u32 = 4;
/** The shortest submit frame: total, command and id. */
export const SUBMIT_MIN_FRAME_BYTES: u32 = 13;
