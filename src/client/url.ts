/**
 * Addresses of servers.
 *
 * @module
 */
export { formatUrl, parseUrl, schemeOf, type Target } from "../link/url.ts";
