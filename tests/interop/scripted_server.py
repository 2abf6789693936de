"""An SSH server that does what the test says, for what OpenSSH's never does: channels cut without
EOF, a polite disconnect in the middle of a transfer. It is asyncssh's server on a thread.

It takes the same key files as rig.Sshd and is used in its place. Each host name that is asked for
names an act: ScriptedServer(directory, {"cut": act}) runs
`await act(channel_reader, channel_writer)` for a forward to cut:1.
"""

import asyncio
import logging
import pathlib
import threading
import warnings

import rig

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # old ciphers that it offers and nobody here uses
    import asyncssh


class ScriptedServer:
    address = "127.0.0.1"

    def __init__(self, directory, acts, thinks_seconds=0, version=(), logged_in=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.host_key = rig.make_key(self.directory / "host_key")
        self.user_key = rig.make_key(self.directory / "user_key")
        self.connections = []
        self.logins = 0
        self._acts = acts
        self._thinks_seconds = thinks_seconds
        self._logged_in = logged_in  # called on the server's thread with all connections so far
        self._version = version  # "Go" makes "SSH-2.0-Go"; AsyncSSH's own by default
        self._loop = asyncio.new_event_loop()
        logging.getLogger("asyncssh").setLevel(logging.CRITICAL)
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._listener = self.call(self._listen())
        self.port = self._listener.sockets[0].getsockname()[1]
        self.known_hosts = self.directory / "known_hosts"
        self.known_hosts.write_text(f"[{self.address}]:{self.port} "
                                    f"{rig.public_key(self.host_key)}\n")

    async def _listen(self):
        keys = self._authorized = asyncssh.import_authorized_keys(rig.public_key(self.user_key))
        return await asyncssh.create_server(
            lambda: _Connection(self, self._acts, self._thinks_seconds), self.address, 0,
            server_host_keys=[str(self.host_key)], server_version=self._version,
            authorized_client_keys=keys if self._thinks_seconds == 0 else None)

    def call(self, coroutine, seconds=10):
        """Runs `coroutine` on the server's thread and returns what it returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(seconds)

    def authorize(self, key):
        """Lets the key at this path sign in as well."""
        self._authorized.load(rig.public_key(key))

    def login(self):
        """Somebody has been let in."""
        self.logins += 1
        if self._logged_in is not None:
            self._logged_in(self.connections)

    def disconnect(self, reason):
        """Sends SSH_MSG_DISCONNECT (by application) to every client."""
        async def send():
            for connection in self.connections:
                connection.disconnect(asyncssh.DISC_BY_APPLICATION, reason)
        self.call(send())

    def stop(self):
        async def close():
            self._listener.close()
            for connection in self.connections:
                connection.abort()
        self.call(close())
        self._loop.call_soon_threadsafe(self._loop.stop)


class _Connection(asyncssh.SSHServer):
    def __init__(self, server, acts, thinks_seconds):
        self._server = server
        self._acts = acts
        self._thinks_seconds = thinks_seconds

    def connection_made(self, conn):
        self._server.connections.append(conn)

    def auth_completed(self):
        self._server.login()

    def public_key_auth_supported(self):
        return True

    async def validate_public_key(self, _username, _key):
        """Asked only where authorized_keys has no answer."""
        await asyncio.sleep(self._thinks_seconds)
        return self._thinks_seconds > 0

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        act = self._acts.get(dest_host)
        if act is None:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "no such act")
        return act


def sends_then_closes_without_eof(data):
    """An act: all of `data`, then SSH_MSG_CHANNEL_CLOSE with no SSH_MSG_CHANNEL_EOF before it."""
    async def act(_reader, writer):
        writer.write(data)
        writer.channel.close()  # sent when the data is
    return act


def sends_then_ends(data):
    """An act: all of `data`, EOF, and CLOSE only when the client's EOF has come."""
    async def act(reader, writer):
        writer.write(data)
        writer.write_eof()
        await reader.read()
        writer.channel.close()
    return act


async def echoes(reader, writer):
    """An act: what a TCP echo service does."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
    writer.channel.close()
