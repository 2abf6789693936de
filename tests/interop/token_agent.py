"""An ssh-agent that holds one key of a FIDO token, and touches it itself: no machine that runs tests
has a token. It answers as OpenSSH's agent does with a token behind it (PROTOCOL.u2f, PROTOCOL.agent)."""

import base64
import hashlib
import socket
import struct
import threading

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

TYPE = b"sk-ssh-ed25519@openssh.com"
APPLICATION = b"ssh:"
USER_IS_PRESENT = 1


def string(data):
    return struct.pack(">I", len(data)) + data


class TokenAgent:
    def __init__(self, path):
        self.path = str(path)
        self.bindings = 0
        self._key = ed25519.Ed25519PrivateKey.generate()
        public = self._key.public_key().public_bytes(serialization.Encoding.Raw,
                                                     serialization.PublicFormat.Raw)
        self._blob = string(TYPE) + string(public) + string(APPLICATION)
        self._counter = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def public_line(self):
        return f"{TYPE.decode()} {base64.b64encode(self._blob).decode()} token\n"

    def stop(self):
        self._listener.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        with connection, connection.makefile("rb") as stream:
            while len(head := stream.read(4)) == 4:
                message = stream.read(struct.unpack(">I", head)[0])
                connection.sendall(string(self._answer(message)))

    def _answer(self, message):
        if message[0] == 11:  # SSH_AGENTC_REQUEST_IDENTITIES
            return b"\x0c" + struct.pack(">I", 1) + string(self._blob) + string(b"token")
        if message[0] == 13:  # SSH_AGENTC_SIGN_REQUEST
            key_size = struct.unpack(">I", message[1:5])[0]
            data_at = 5 + key_size
            data_size = struct.unpack(">I", message[data_at:data_at + 4])[0]
            if message[5:data_at] == self._blob:
                return b"\x0e" + string(self._sign(message[data_at + 4:data_at + 4 + data_size]))
        if message[0] == 27:  # SSH_AGENTC_EXTENSION
            self.bindings += message[5:].startswith(b"session-bind@openssh.com")
            return b"\x06"
        return b"\x05"

    def _sign(self, data):
        self._counter += 1
        rest = struct.pack(">BI", USER_IS_PRESENT, self._counter)
        signed = (hashlib.sha256(APPLICATION).digest() + rest + hashlib.sha256(data).digest())
        return string(TYPE) + string(self._key.sign(signed)) + rest
