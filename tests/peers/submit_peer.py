"""A peer in Python's standard library that speaks plain `submit`, and knows the frames of `echo`.

It is written from docs/PROTOCOL.md alone, and shares no line with the library. Each command prints one line
of JSON.

  submit_peer.py vectors FILE            what it finds in the golden frames of tests/vectors/submit_echo.json
  submit_peer.py serve [PIECE]           serves until its input ends: its port, then what it was sent;
                                         answers leave in pieces of so many bytes
  submit_peer.py connect PORT PAYLOAD…   submits the payloads to a server: the results
  submit_peer.py exchange PORT FILE      sends the golden frames to a server: what it answers otherwise
"""

import json
import socket
import struct
import sys
import threading

CONN, SUBMIT, CONN_ACK, SUBMIT_ACK = 0x01, 0x02, 0x81, 0x82
HEADER_BYTES = 13
MAX_FRAME_BYTES = 1048576
DATA_SEND, DATA_ECHO = 1, 2


class Malformed(Exception):
    """The stream is none of `submit`: the connection is closed."""


def frame(command, name, body=b""):
    return struct.pack(">IB8s", HEADER_BYTES + len(body), command, name) + body


def frames_of(buffer):
    """The whole frames at the beginning of the buffer, which are taken out of it."""
    while len(buffer) >= 4:
        (total,) = struct.unpack_from(">I", buffer)
        if not HEADER_BYTES <= total <= MAX_FRAME_BYTES:
            raise Malformed(f"a frame of {total} bytes")
        if len(buffer) < total:
            return
        _, command, name = struct.unpack_from(">IB8s", buffer)
        body = bytes(buffer[HEADER_BYTES:total])
        del buffer[:total]
        yield command, name, body


def answer_of(command, name, body):
    """What a plain server answers; the payload "fail" fails."""
    if command == CONN:
        return frame(CONN_ACK, name, b"\0")
    if command == SUBMIT:
        return frame(SUBMIT_ACK, name, b"\1" if body == b"fail" else b"\0")
    raise Malformed(f"command {command:#04x}")


def answers_to(sent):
    buffer = bytearray(sent)
    answers = b"".join(answer_of(*one) for one in frames_of(buffer))
    if buffer:
        raise Malformed(f"{len(buffer)} bytes are left")
    return answers


def echoes_of(sent):
    at, out = 0, b""
    while at < len(sent):
        kind, length = struct.unpack_from(">II", sent, at)
        if kind != DATA_SEND:
            raise Malformed(f"type {kind}")
        data = sent[at + 8 : at + 8 + length]
        if len(data) != length:
            raise Malformed("data is cut short")
        out += struct.pack(">II", DATA_ECHO, length) + data
        at += 8 + length
    return out


def load(file):
    with open(file, encoding="utf-8") as text:
        return json.load(text)


def check_vectors(file):
    vectors = load(file)
    wrong, checked = [], 0

    def compare(name, came, expected):
        nonlocal checked
        checked += 1
        if came != bytes.fromhex(expected):
            wrong.append(f"{name}: {came.hex()}")

    for protocol, answer in (("submit", answers_to), ("echo", echoes_of)):
        for one in vectors[protocol]:
            try:
                compare(one["name"], answer(bytes.fromhex(one["sent"])), one["answered"])
            except Malformed as error:
                wrong.append(f"{one['name']}: {error}")
    client = vectors["client"]
    submitted = (text.encode() for text in client["submitted"])
    sent = b"".join(frame(SUBMIT, b"%08d" % n, body) for n, body in enumerate(submitted, 1))
    compare("what a client sends", sent, client["sent"])
    echoed = [text.encode() for text in client["echoed"]]
    sent = b"".join(struct.pack(">II", DATA_SEND, len(data)) + data for data in echoed)
    compare("what a client of echo sends", sent, client["sentByEcho"])
    return {"checked": checked, "wrong": wrong}


def serve(piece_bytes):
    payloads, closed = [], []
    listener = socket.create_server(("127.0.0.1", 0))
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)

    def talk(peer):
        buffer = bytearray()
        with peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while chunk := peer.recv(65536):
                    buffer += chunk
                    for command, name, body in frames_of(buffer):
                        if command == SUBMIT:
                            payloads.append(body.decode())
                        answer = answer_of(command, name, body)
                        for at in range(0, len(answer), piece_bytes):
                            peer.sendall(answer[at : at + piece_bytes])
                closed.append("in order" if not buffer else "within a frame")
            except Malformed as error:
                closed.append(str(error))

    def accept():
        while True:
            peer, _ = listener.accept()
            threading.Thread(target=talk, args=(peer,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()
    return {"payloads": payloads, "closed": closed}


def connect(port, payloads):
    results, names = [], []
    with socket.create_connection(("127.0.0.1", port)) as peer:
        names = [b"py-%05d" % n for n in range(len(payloads))]
        peer.sendall(frame(CONN, b"py-hello"))
        for name, payload in zip(names, payloads):
            peer.sendall(frame(SUBMIT, name, payload.encode()))
        peer.shutdown(socket.SHUT_WR)
        buffer = bytearray()
        while chunk := peer.recv(65536):
            buffer += chunk
    for command, name, body in frames_of(buffer):
        results.append([command, name.decode(), body.hex()])
    return {"results": results, "left": len(buffer)}


def exchange(port, file):
    wrong, checked = [], 0
    for one in load(file)["submit"]:
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.sendall(bytes.fromhex(one["sent"]))
            peer.shutdown(socket.SHUT_WR)
            came = b""
            while chunk := peer.recv(65536):
                came += chunk
        checked += 1
        if came != bytes.fromhex(one["answered"]):
            wrong.append(f"{one['name']}: {came.hex()}")
    return {"checked": checked, "wrong": wrong}


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "vectors":
        result = check_vectors(*rest)
    elif command == "serve":
        result = serve(int(rest[0]) if rest else MAX_FRAME_BYTES)
    elif command == "connect":
        result = connect(int(rest[0]), rest[1:])
    elif command == "exchange":
        result = exchange(int(rest[0]), rest[1])
    else:
        sys.exit(__doc__)
    print(json.dumps(result), flush=True)
