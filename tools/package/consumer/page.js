// A page: a client by WebSocket. It tells the server that it came from how the round trip went.

import { connect } from "framewire";

async function roundTrip() {
  const client = await connect(new URLSearchParams(location.search).get("wire"));
  await client.submit("hello from a page");
  await client.close();
  return "ok";
}

const outcome = await roundTrip().catch((error) => `${error.code}: ${error.message}`);
await fetch("/outcome", { method: "POST", body: outcome });
