/** Addresses as users write them, and what is none. */

import t from "tap";
import {
  formatUrl,
  parseListenUrl,
  parseUrl,
  schemeOf,
  wrongListenUrls,
} from "../../src/link/url.ts";

t.test("a URL says what carries a connection and where", (t) => {
  const cases: readonly [url: string, target: object, scheme: string][] = [
    ["tcp://127.0.0.1:8888", { hostname: "127.0.0.1", port: 8888 }, "tcp"],
    ["tls://[::1]:1/", { hostname: "::1", port: 1, secure: true }, "tls"],
    ["ws://a.b/wire", { hostname: "a.b", port: 80, webSocketPath: "/wire" }, "ws"],
    ["wss://a.b", { hostname: "a.b", port: 443, secure: true, webSocketPath: "/" }, "wss"],
    ["ws://[::1]:8080/a/b", { hostname: "::1", port: 8080, webSocketPath: "/a/b" }, "ws"],
    [
      "unix:///run/fw.sock",
      { hostname: "/run/fw.sock", port: 0, unixPath: "/run/fw.sock" },
      "unix",
    ],
    ["unix:/a%20b", { hostname: "/a b", port: 0, unixPath: "/a b" }, "unix"],
  ];
  for (const [url, target, scheme] of cases) {
    const read = parseUrl(url);
    t.strictSame(read, target, url);
    t.equal(schemeOf(read), scheme);
    t.strictSame(parseUrl(formatUrl(read)), target, `${url} there and back`);
  }
  t.strictSame(parseUrl(new URL("ws://localhost:80/x")), parseUrl("ws://localhost/x"));
  t.end();
});

t.test("what is no URL to connect to is refused with the forms there are", (t) => {
  const wrong = [
    "",
    "127.0.0.1:8888",
    "http://127.0.0.1:80",
    "tcp://127.0.0.1",
    "tcp://127.0.0.1:0",
    "tcp://127.0.0.1:65536",
    "tcp://127.0.0.1:80/path",
    "tcp://user@127.0.0.1:80",
    "tcp://::1:80",
    "tcp://:8888",
    "ws://:8080",
    "ws://a/b?query",
    "ws://a/b#fragment",
    "unix://relative",
    "unix:///a?mode=660",
    "unix:///%zz",
    "unix:///a%00b?x",
  ];
  for (const url of wrong) {
    t.throws(() => parseUrl(url), {
      code: "INVALID_OPTION",
      message: /tcp:\/\/HOST:PORT.*unix:\/\/\/PATH/,
    }, url);
  }
  t.end();
});

t.test("a URL to listen at may leave out the host, ask for any port, and say a file's mode", (t) => {
  t.strictSame(parseListenUrl("tcp://:0", "::"), { hostname: "::", port: 0 });
  t.strictSame(parseListenUrl("ws://:8080/wire", "127.0.0.1"), {
    hostname: "127.0.0.1",
    port: 8080,
    webSocketPath: "/wire",
  });
  t.match(parseListenUrl("unix:///a?mode=660", ""), { unixPath: "/a", unixMode: 0o660 });
  for (
    const url of ["unix:///a?mode=999", "unix:///a?mode=66", "tcp://:99999", "tcp://", 7 as never]
  ) {
    t.equal(parseListenUrl(url, "h"), undefined, String(url));
  }
  t.equal(wrongListenUrls(["tcp://:1", new URL("unix:///a")]), undefined);
  for (const given of [[], ["x"], 7, null, {}]) t.match(wrongListenUrls(given), /a URL or several/);
  t.end();
});
