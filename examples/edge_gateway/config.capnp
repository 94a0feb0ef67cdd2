# For workerd: WebSocket at 4500, TCP at 4501; BACKENDS comes from the environment.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "gateway", worker = .gateway),
    # Backends are on this machine or in a private network; without this only public addresses are allowed.
    (name = "internet", network = (allow = ["local", "private"])),
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:4500", http = (), service = "gateway"),
    (name = "tcp", address = "127.0.0.1:4501", tcp = (), service = "gateway"),
  ],
);

const gateway :Workerd.Worker = (
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "codec.wasm", wasm = embed "codec.wasm"),
  ],
  bindings = [(name = "BACKENDS", fromEnvironment = "BACKENDS")],
  compatibilityDate = "2026-10-01",
);
