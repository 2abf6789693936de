"""An SSH server that asks who the user is in every way that OpenSSH's asks only with PAM: passwords,
keyboard-interactive in rounds, chains of methods with partial success, banners, expired passwords.
It is asyncssh's server on a thread, with rig.Sshd's attributes.

Gatekeeper(directory, steps) lets a user in who passes all `steps` in order; each is a set of the
methods that will do. `askpass()` makes the program that answers for a person.
"""

import asyncio
import logging
import os
import pathlib
import threading
import warnings

import rig
import scripted_server

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # old ciphers that it offers and nobody here uses
    import asyncssh

PASSWORD = "open sésame"


class Gatekeeper:
    address = "127.0.0.1"

    def __init__(self, directory, steps, rounds=(), banners=(), expired=False, ca_key=None,
                 hesitates=False):
        """`rounds`: (name, instruction, [(prompt, echo)], answers) for keyboard-interactive.
        `expired`: the password is right and old. `ca_key`: whose certificates are taken.
        `hesitates`: says nothing to a password before `may_go_on` is set."""
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.host_key = rig.make_key(self.directory / "host_key")
        self.user_key = rig.make_key(self.directory / "user_key")
        self.steps = steps
        self.rounds = rounds
        self.banners = banners
        self.expired = expired
        self.asked = []  # what was tried, in words
        self._ca_key = ca_key
        self.may_go_on = threading.Event()
        if not hesitates:
            self.may_go_on.set()
        self._connections = []
        self._loop = asyncio.new_event_loop()
        logging.getLogger("asyncssh").setLevel(logging.CRITICAL)
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._listener = self._call(self._listen())
        self.port = self._listener.sockets[0].getsockname()[1]
        self.known_hosts = self.directory / "known_hosts"
        self.known_hosts.write_text(f"[{self.address}]:{self.port} "
                                    f"{rig.public_key(self.host_key)}\n")

    async def _listen(self):
        lines = [rig.public_key(self.user_key)]
        if self._ca_key:
            lines.append(f"cert-authority {rig.public_key(self._ca_key)}")
        return await asyncssh.create_server(
            lambda: _Gate(self, self._connections), self.address, 0,
            server_host_keys=[str(self.host_key)],
            authorized_client_keys=asyncssh.import_authorized_keys("\n".join(lines) + "\n"))

    def _call(self, coroutine, seconds=10):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(seconds)

    def stop(self):
        async def close():
            self._listener.close()
            for connection in self._connections:
                connection.abort()
        self._call(close())
        self._loop.call_soon_threadsafe(self._loop.stop)


class _Gate(asyncssh.SSHServer):
    def __init__(self, keeper, connections):
        self._keeper = keeper
        self._connections = connections
        self._passed = 0
        self._round = 0

    def connection_made(self, conn):
        self._connections.append(conn)
        self._conn = conn
        self._let_in = conn.send_userauth_success
        # asyncssh knows no chains: what it takes for success may be a step of one. And it would
        # list publickey in each, because there are authorized keys.
        conn.send_userauth_success = self._step_passed
        conn.public_key_auth_supported = lambda: self._takes("publickey")

    def _step_passed(self):
        self._passed += 1
        if self._passed < len(self._keeper.steps):
            self._conn.send_userauth_failure(True)
        else:
            self._let_in()

    def _takes(self, method):
        return method in self._keeper.steps[min(self._passed, len(self._keeper.steps) - 1)]

    def begin_auth(self, username):
        for banner in self._keeper.banners:
            self._conn.send_auth_banner(banner)
        return True

    def password_auth_supported(self):
        return self._takes("password")

    def kbdint_auth_supported(self):
        return self._takes("keyboard-interactive")

    async def validate_password(self, username, password):
        self._keeper.asked.append(f"password {password}")
        while not self._keeper.may_go_on.is_set():
            await asyncio.sleep(0.01)
        if self._keeper.expired:
            raise asyncssh.PasswordChangeRequired("Your password has\x1b[31m expired.")
        return password == PASSWORD

    def _challenge(self):
        if self._round == len(self._keeper.rounds):
            return True
        name, instruction, prompts, _ = self._keeper.rounds[self._round]
        return name, instruction, "", prompts

    def get_kbdint_challenge(self, username, lang, submethods):
        self._keeper.asked.append("keyboard-interactive")
        self._round = 0
        return self._challenge()

    def validate_kbdint_response(self, username, responses):
        self._keeper.asked.append(f"answers {list(responses)}")
        _, _, _, answers = self._keeper.rounds[self._round]
        if list(responses) != list(answers):
            return False
        self._round += 1
        return self._challenge()

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        return scripted_server.echoes


class Askpass:
    """A program that answers for a person, one line after the other, and tells what it was asked."""

    def __init__(self, directory, answers, status=0):
        directory = pathlib.Path(directory)
        self._asked = directory / "asked"
        self._asked.write_text("")
        self._hint = directory / "hint"
        (directory / "answers").write_text("".join(answer + "\n" for answer in answers))
        self.program = directory / "askpass"
        self.program.write_text(
            "#!/bin/sh\n"
            f"printf '%s' \"$1\" | tr '\\n' ' ' >> '{self._asked}'; echo >> '{self._asked}'\n"
            f"printf '%s' \"${{SSH_ASKPASS_PROMPT-unset}}\" > '{self._hint}'\n"
            f"sed -n \"$(wc -l < '{self._asked}')p\" '{directory}/answers'\n"
            f"exit {status}\n")
        os.chmod(self.program, 0o755)

    def environment(self, require="force", **more):
        return {"SSH_ASKPASS": str(self.program), "SSH_ASKPASS_REQUIRE": require, **more}

    def prompts(self):
        return self._asked.read_text().splitlines()

    def hint(self):
        return self._hint.read_text()
