#!/usr/bin/python3 -B
"""AsyncSSH's server as a peer: forwards TCP, lets the user in by every method that it has.

usage: asyncssh_server.py DIRECTORY REKEY_BYTES
peer.py says what is in DIRECTORY, and reads the line that tells the port."""

import asyncio
import pathlib
import sys
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # old ciphers that it offers and nobody here uses
    import asyncssh

PASSWORD = "correct horse"


class Server(asyncssh.SSHServer):
    def password_auth_supported(self):
        return True

    def validate_password(self, _username, password):
        return password == PASSWORD

    def kbdint_auth_supported(self):
        return True

    def get_kbdint_challenge(self, _username, _lang, _submethods):
        return "", "", "en", [("Password: ", False)]

    def validate_kbdint_response(self, _username, responses):
        return responses == [PASSWORD]

    def connection_requested(self, _dest_host, _dest_port, _orig_host, _orig_port):
        return True


async def main(directory, rekey_bytes):
    server = await asyncssh.create_server(
        Server, "127.0.0.1", 0,
        server_host_keys=sorted(str(path) for path in directory.glob("host_key_*[!b]")),
        authorized_client_keys=str(directory / "authorized_keys"),
        server_version="AsyncSSH_" + asyncssh.__version__,
        **({"rekey_bytes": rekey_bytes} if rekey_bytes else {}))
    print("listening on", server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main(pathlib.Path(sys.argv[1]), int(sys.argv[2])))
