#!/usr/bin/python3 -B
"""Where secrets are: session keys in memory that is locked and never dumped, and keys that were
used or replaced, and all of them after the end, nowhere.

The server is asyncssh's, which knows the same session keys and tells them. What libcrypto makes of
a key while it is used lies on its heap: with chacha20-poly1305 and aes-ctr the keys are in its
EVP_CIPHER_CTXs and EVP_MAC_CTXs.
"""

import base64
import hashlib
import pathlib
import re

import gatekeeper
import load
import memory
import rig
import scripted_server
import tap

import asyncssh.kex
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa


HAS_VAES = re.search(r"\bvaes\b", pathlib.Path("/proc/cpuinfo").read_text()) is not None


class SessionKeys:
    """Every session key and shared secret that asyncssh computes, in this process."""

    PURPOSES = {b"C": "key client to server", b"D": "key server to client",
                b"E": "MAC key client to server", b"F": "MAC key server to client"}

    def __init__(self):
        self.exchanges = []
        self._compute_key = asyncssh.kex.Kex.compute_key

    def __enter__(self):
        recorder = self

        def compute_key(kex, k, h, letter, session_id, size):
            key = recorder._compute_key(kex, k, h, letter, session_id, size)
            if letter == b"A":
                secret = k.to_bytes((k.bit_length() + 7) // 8, "big")
                recorder.exchanges.append({"shared secret": secret,
                                           "shared secret of libcrypto": secret[::-1]})
            if letter in recorder.PURPOSES and key:
                recorder.exchanges[-1][recorder.PURPOSES[letter]] = key
            return key

        asyncssh.kex.Kex.compute_key = compute_key
        return self

    def __exit__(self, *_):
        asyncssh.kex.Kex.compute_key = self._compute_key


def secrets_of_key_file(path, passphrase=None):
    """What the private key at `path` must not be recognised by: its numbers in both byte orders,
    what signing makes of them, and the text in the file unless that is encrypted."""
    text = path.read_bytes()
    key = serialization.load_ssh_private_key(text, password=passphrase)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        seed = key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw,
                                 serialization.NoEncryption())
        scalar = bytearray(hashlib.sha512(seed).digest()[:32])
        scalar[0] &= 0xf8
        scalar[31] = scalar[31] & 0x7f | 0x40
        secrets = {"seed": seed, "scalar": bytes(scalar)}
        return secrets if passphrase else {**secrets, "text": text_around(text, seed)}
    numbers = key.private_numbers()
    secrets = ({"d": numbers.d, "p": numbers.p, "q": numbers.q, "d mod p - 1": numbers.dmp1}
               if isinstance(key, rsa.RSAPrivateKey) else {"d": numbers.private_value})
    # Leading zeros would make a number hard to find, so they are left out.
    big = {name: value.to_bytes((value.bit_length() + 7) // 8, "big")
           for name, value in secrets.items()}
    return {**big, **{f"{name} of libcrypto": value[::-1] for name, value in big.items()},
            "text": text_around(text, big["d"])}


def text_around(text, secret):
    """24 characters of a line of the file that hold 18 bytes from the middle of the secret."""
    lines = text.decode().splitlines()[1:-1]
    at = base64.b64decode("".join(lines)).find(secret) + len(secret) // 2
    line, column = divmod(at * 4 // 3, len(lines[0]))
    return lines[line][max(0, column - 12):column + 12].encode()


class Secrets(rig.Case):
    def setUp(self):
        super().setUp()
        recorder = SessionKeys()
        recorder.__enter__()
        self.addCleanup(recorder.__exit__)
        self.exchanges = recorder.exchanges
        self.server = scripted_server.ScriptedServer(self.directory / "server",
                                                     {"echo": scripted_server.echoes})
        self.addCleanup(self.server.stop)
        self.key_secrets = secrets_of_key_file(self.server.user_key)

    def start(self, *options):
        program, [port] = self.forward(self.server, ("echo", 1), options=options)
        load.check_echo(port)
        return program, port

    def assert_nowhere(self, program, secrets, when):
        for name, places in memory.places_of(program.pid, secrets).items():
            self.assertEqual(places, [], f"{name} is in memory {when}")

    def assert_only_locked(self, program, secrets):
        """On a machine without VAES the ciphers are libcrypto's, and so are its keys."""
        for name, places in memory.places_of(program.pid, secrets).items():
            self.assertNotEqual(places, [], f"{name} is not found: does the test look right?")
            for place in places if HAS_VAES else []:
                self.assertLessEqual({"lo", "dd", "wf"}, place.flags, f"{name} is in {place}")

    def test_the_test_finds_what_is_in_memory(self):
        program, _ = self.start()

        places = memory.places_of(program.pid, {"user": rig.USER.encode(),
                                                "file": bytes(self.server.user_key)})

        self.assertTrue(places["user"])
        self.assertTrue(places["file"])

    def test_session_keys_are_only_in_locked_memory(self):
        for cipher in "aes128-gcm@openssh.com", "aes256-gcm@openssh.com":
            program, _ = self.start("-c", cipher)

            self.assert_only_locked(program, {name: key for name, key in self.exchanges[-1].items()
                                              if name.startswith("key")})
            program.stop()

    def test_the_shared_secret_is_nowhere_once_there_are_keys(self):
        for kex in ("curve25519-sha256", "ecdh-sha2-nistp256", "ecdh-sha2-nistp521",
                    "diffie-hellman-group14-sha256", "diffie-hellman-group-exchange-sha256"):
            program, _ = self.start("-o", f"KexAlgorithms={kex}")

            self.assert_nowhere(program, {name: secret for name, secret
                                          in self.exchanges[-1].items() if "secret" in name},
                                f"after a key exchange with {kex}")
            program.stop()

    def test_a_private_key_is_nowhere_once_it_has_signed(self):
        for kind in "ed25519", "ecdsa", "rsa":
            key = rig.make_key(self.directory / kind, kind)
            self.server.authorize(key)
            program = self.start_caponier(
                self.arguments_for(self.server, "127.0.0.1:0:echo:1", identity=key))
            load.check_echo(program.wait_until_ready()[0])

            self.assert_nowhere(program, secrets_of_key_file(key), "after authentication")
            program.stop()

    def test_a_passphrase_and_its_key_are_nowhere_once_they_were_used(self):
        passphrase = "correct horse battery staple"
        key = rig.make_key(self.directory / "locked", passphrase=passphrase)
        self.server.authorize(key)
        askpass = gatekeeper.Askpass(self.directory, [passphrase])
        program = self.start_caponier(
            self.arguments_for(self.server, "127.0.0.1:0:echo:1", identity=key),
            environment=askpass.environment())
        load.check_echo(program.wait_until_ready()[0])

        self.assert_nowhere(program, {"passphrase": passphrase.encode(),
                                      **secrets_of_key_file(key, passphrase.encode())},
                            "after authentication")

    def test_a_password_is_nowhere_once_it_was_sent(self):
        server = gatekeeper.Gatekeeper(self.directory / "gatekeeper", [{"password"}])
        self.addCleanup(server.stop)
        askpass = gatekeeper.Askpass(self.directory, [gatekeeper.PASSWORD])
        program = self.start_caponier(self.arguments_for(server, "127.0.0.1:0:127.0.0.1:9"),
                                      environment=askpass.environment())
        program.wait_until_ready()
        self.assertEqual(server.asked, [f"password {gatekeeper.PASSWORD}"])

        self.assert_nowhere(program, {"password": gatekeeper.PASSWORD.encode()},
                            "after authentication")

    def test_a_password_that_libssh2_sends_is_only_in_locked_memory(self):
        server = gatekeeper.Gatekeeper(self.directory / "gatekeeper", [{"password"}],
                                       hesitates=True)
        self.addCleanup(server.stop)
        askpass = gatekeeper.Askpass(self.directory, [gatekeeper.PASSWORD])
        program = self.start_caponier(
            ["--ssh=libssh2", *self.arguments_for(server, "127.0.0.1:0:127.0.0.1:9")],
            environment=askpass.environment())
        rig.wait_until(lambda: server.asked, "the password arrived", 30)
        secrets = {"password": gatekeeper.PASSWORD.encode()}

        # It is handed to libssh2 with every call until the server has answered.
        [places] = memory.places_of(program.pid, secrets).values()
        self.assertNotEqual(places, [], "is it not found, or not kept?")
        for place in places:
            self.assertLessEqual({"lo", "dd", "wf"}, place.flags, f"the password is in {place}")
        server.may_go_on.set()
        program.wait_until_ready()

        self.assert_nowhere(program, secrets, "after authentication")

    def test_keys_are_nowhere_once_they_were_replaced(self):
        for cipher in "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr":
            before = len(self.exchanges)
            # By time: asyncssh 2.10 goes on sending data in the middle of a key exchange.
            program, port = self.start("-c", cipher, "-o", "RekeyLimit=default 1s")
            old = self.exchanges[before]
            rig.wait_until(lambda: len(self.exchanges) >= before + 2, "rekeyed", 20)
            load.check_echo(port)

            self.assert_nowhere(program, old, f"after a rekey of {cipher}")
            program.stop()  # or its rekeys would be taken for the next one's

    def test_everything_is_gone_before_the_process_is(self):
        for cipher in "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr":
            program, _ = self.start("-c", cipher)
            keys = self.exchanges[-1]
            held = memory.HeldAtItsEnd(program.pid)

            self.server.disconnect("the session is over")
            held.wait()

            self.assert_nowhere(program, {**keys, **self.key_secrets}, "when the program ends")
            held.let_go()


if __name__ == "__main__":
    tap.main()
