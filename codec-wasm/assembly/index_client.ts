// The kernel of the small client (src/entry/client.ts). Other scans it does in TypeScript; and frames of
// `submit` take the generic scan hardly longer than one of their own.
export { scan_length_field } from "./scan_length_field";
