/**
 * The same as `submit_rate.ts` by clients of others, on Node: requests a second with so many in flight.
 *
 *   foreign_rate.mjs nats PORT IN_FLIGHT SECONDS     the npm package nats, at a NATS server
 *   foreign_rate.mjs grpc PORT IN_FLIGHT SECONDS     unary calls of @grpc/grpc-js
 *   foreign_rate.mjs nats-responder PORT             who answers the requests of nats
 *   foreign_rate.mjs grpc-server                     prints `listening PORT`
 *
 * Requests carry 32 bytes, answers none. Ends with code 3 when the package is not installed.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import process from "node:process";

const [kind, port, inFlight, seconds] = process.argv.slice(2);
const PAYLOAD = Buffer.from("x".repeat(32));
const EMPTY = Buffer.alloc(0);
const SUBJECT = "bench";

/** A package that may not be there. */
async function load(name) {
  try {
    return await import(name);
  } catch {
    console.error(`the package ${name} is not installed`);
    return process.exit(3);
  }
}

const bytes = (value) => value;
const METHOD = {
  path: "/bench.Bench/Call",
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};

async function natsConnection() {
  const { connect } = await load("nats");
  return await connect({ servers: `127.0.0.1:${port}`, noEcho: false });
}

async function grpcServer() {
  const { Server, ServerCredentials } = await load("@grpc/grpc-js");
  const server = new Server();
  server.addService({ call: METHOD }, { call: (_call, answer) => answer(null, EMPTY) });
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
    if (error) throw error;
    console.log(`listening ${bound}`);
  });
}

async function grpcCall() {
  const { Client, credentials } = await load("@grpc/grpc-js");
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  return () =>
    new Promise((resolve, reject) =>
      client.makeUnaryRequest(
        METHOD.path,
        bytes,
        bytes,
        PAYLOAD,
        (error) => error ? reject(error) : resolve(),
      )
    );
}

async function natsRequest() {
  const connection = await natsConnection();
  return () => connection.request(SUBJECT, PAYLOAD, { timeout: 10_000 });
}

if (kind === "grpc-server") await grpcServer();
else if (kind === "nats-responder") {
  const connection = await natsConnection();
  connection.subscribe(SUBJECT, { callback: (_error, message) => message.respond(EMPTY) });
  await connection.flush();
  console.log("ready");
  process.stdin.on("end", () => process.exit(0)).resume();
} else {
  const call = kind === "nats" ? await natsRequest() : await grpcCall();
  let done = 0;
  const worker = async () => {
    for (;;) {
      await call();
      done++;
    }
  };
  for (let i = 0; i < Number(inFlight); i++) void worker();
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  await wait(500);
  const before = done;
  const start = performance.now();
  await wait(Number(seconds) * 1000);
  console.log(JSON.stringify({ rate: (done - before) / (performance.now() - start) * 1000 }));
  process.exit(0);
}
