/**
 * What the help says of the server's options: under which heading, and in a few words.
 *
 * @module
 */

/** The options by heading, in the order of the help. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "Where": {
    listen: "tcp://, tls://, ws://, wss://, unix:// instead of --port",
    reusePort: "several processes may listen on the port",
  },
  "Who may connect": {
    allow: "address blocks that may connect, all others may not",
    deny: "address blocks that may not connect; wins over --allow",
    proxyProtocol: "proxies whose PROXY header tells the peers' addresses",
    tokenFile: "tokens that peers must have one of",
    usersFile: "users that peers must be one of, by password",
    authTimeoutMs: "how long authentication may take",
    authFailures: "failed attempts of an address before it has to wait",
    packetsBeforeAuth: "packets of a defined protocol that need none",
    maxFrameBytesBeforeAuth: "the longest frame before authentication",
    features: "what peers that say hello may agree upon",
  },
  "TLS": {
    tlsCert: "the certificate chain, PEM; turns TLS on",
    tlsKey: "its private key, PEM",
    tlsClientCa: "clients must show a certificate of this authority",
  },
  "How many and how fast": {
    maxConnections: "connections at once",
    maxConnectionsPerIp: "of one address; 0 is no limit",
    maxHandshakes: "TLS handshakes under way at once",
    onMaxConnections: "what is done over these limits",
    acceptRatePerIp: "connections of one address, such as 10/s:20",
    backlog: "connections that may wait to be accepted",
    rate: "what peers may send, such as connection=1000/s,ip=8MB/s",
    onRate: "what is done with frames over a rate",
  },
  "How long (0 is for ever)": {
    handshakeTimeoutMs: "to the peer's introduction or first frame",
    idleTimeoutMs: "without input and with nothing owed",
    heartbeatMs: "without input, until the peer is asked for a sign",
    frameTimeoutMs: "from a frame's first byte to its last",
    writeStallMs: "in which a peer reads none of its replies",
    handlerTimeoutMs: "until a handler's request is answered with a failure",
    maxAgeMs: "until a connection is ended in order",
    lingerMs: "for the peer's end, behind this side's",
    keepAliveMs: "without traffic until TCP asks; 0 is off",
    shutdownDeadlineMs: "for what was taken, after a signal; 0 is not at all",
    shutdownSpreadMs: "over which connections are ended then",
  },
  "Sessions": {
    sessions: "gives peers sessions, kept in memory or in an SQLite file",
    sessionRetentionMs: "how long one is kept that no connection carries",
    sessionWindow: "requests that one remembers with their answers",
    sessionResponseBytes: "memory for one's answers",
    sessionPushBytes: "memory for one's unacknowledged pushes",
    maxSessions: "sessions at once; then the one unused longest goes",
  },
  "Memory and order": {
    memoryBudgetBytes: "all connections together; then the newest pause",
    maxInFlight: "requests of a connection under way",
    maxInFlightBytes: "memory that those may keep",
    streamThresholdBytes: "longer submits are read as streams; 0 is never",
    writeHighWaterBytes: "replies that may wait before reading pauses",
    writeLowWaterBytes: "reading goes on here; by default a quarter of it",
    pushQueueBytes: "pushes that may wait for a peer",
    maxUnackedPushes: "pushes that a peer has not acknowledged yet",
    slowConsumer: "pause, dropOldest or dropNewest: when more wait",
    writeMode: "batch, immediate, or a time and a size: 5ms,64k",
    noDelay: "what is written leaves at once (TCP_NODELAY)",
    ordered: "replies keep their order after a hello too",
  },
  "Insight": {
    statsIntervalMs: "logs the server's figures so often",
    handlerTimes: "which handlers are timed",
    eventQueue: "events that wait for a slow reader",
    flightRecorder: "errors tell the last frames' headers; on with -v",
  },
};

/** What the help says of an option. */
export interface SettingHelp {
  readonly group: string;
  readonly help: string;
}

/** All that the help says, by the options' names and in its order. */
export const SETTING_HELP: ReadonlyMap<string, SettingHelp> = new Map(
  Object.entries(GROUPS).flatMap(([group, options]) =>
    Object.entries(options).map(([name, help]) => [name, { group, help }])
  ),
);
