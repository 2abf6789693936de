#!/usr/bin/python3 -B
"""Paramiko's server as a peer: forwards TCP, lets the user in by every method that it has.

usage: paramiko_server.py DIRECTORY REKEY_BYTES
peer.py says what is in DIRECTORY, and reads the line that tells the port. Paramiko brings the
protocol; connecting to the target and carrying bytes is up to the application, which is this file.
"""

import base64
import pathlib
import socket
import sys
import threading
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # old ciphers that it offers and nobody here uses
    import paramiko

PASSWORD = "correct horse"
PIECE = 32768


class Server(paramiko.ServerInterface):
    """What the application decides for one connection."""

    def __init__(self, authorized):
        self._authorized = authorized
        self.targets = {}

    def get_allowed_auths(self, _username):
        return "publickey,password,keyboard-interactive"

    def check_auth_publickey(self, _username, key):
        return paramiko.AUTH_SUCCESSFUL if key.asbytes() in self._authorized \
            else paramiko.AUTH_FAILED

    def check_auth_password(self, _username, password):
        return paramiko.AUTH_SUCCESSFUL if password == PASSWORD else paramiko.AUTH_FAILED

    def check_auth_interactive(self, _username, _submethods):
        return paramiko.InteractiveQuery("", "", ("Password: ", False))

    def check_auth_interactive_response(self, responses):
        return paramiko.AUTH_SUCCESSFUL if responses == [PASSWORD] else paramiko.AUTH_FAILED

    def check_channel_direct_tcpip_request(self, chanid, _origin, destination):
        try:
            self.targets[chanid] = socket.create_connection(destination)
        except OSError:
            return paramiko.OPEN_FAILED_CONNECT_FAILED
        return paramiko.OPEN_SUCCEEDED


def serve(connection, host_keys, authorized, rekey_bytes):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = paramiko.Transport(connection)
    for key in host_keys:
        transport.add_server_key(key)
    if rekey_bytes:
        transport.packetizer.REKEY_BYTES = rekey_bytes
    server = Server(authorized)
    try:
        transport.start_server(server=server)
        while transport.is_active():
            channel = transport.accept(1)
            if channel is not None:
                forward(channel, server.targets.pop(channel.get_id()))
    except (paramiko.SSHException, EOFError, OSError) as failure:
        print("connection:", failure, file=sys.stderr, flush=True)
    transport.close()


def forward(channel, target):
    """Carries both directions, each on a thread; both have ended when the channel is closed."""
    ended = threading.Semaphore(0)

    def to_target():
        try:
            while data := channel.recv(PIECE):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        ended.release()

    def from_target():
        try:
            while data := target.recv(PIECE):
                channel.sendall(data)
            channel.shutdown_write()
        except OSError:
            pass
        ended.release()

    def end():
        ended.acquire()
        ended.acquire()
        channel.close()
        target.close()

    for part in to_target, from_target, end:
        threading.Thread(target=part, daemon=True).start()


def main(directory, rekey_bytes):
    classes = {"ed25519": paramiko.Ed25519Key, "rsa": paramiko.RSAKey}
    host_keys = []
    for path in sorted(directory.glob("host_key_*[!b]")):
        kind = classes.get(path.name.removeprefix("host_key_"), paramiko.ECDSAKey)
        host_keys.append(kind.from_private_key_file(str(path)))
    authorized = {base64.b64decode(line.split()[1])
                  for line in (directory / "authorized_keys").read_text().splitlines()}
    # Once: it is of the class, and other connections find it empty while it is read again.
    paramiko.Transport.load_server_moduli()
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)
    print("listening on", listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, daemon=True,
                         args=(connection, host_keys, authorized, rekey_bytes)).start()


main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
