#!/usr/bin/python3 -B
"""Every algorithm that is spoken, against OpenSSH's server, and what -o, -c and -m choose."""

import subprocess

import load
import rig
import tap

KEX = ["curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256",
       "ecdh-sha2-nistp384", "ecdh-sha2-nistp521", "diffie-hellman-group-exchange-sha256",
       "diffie-hellman-group14-sha256", "diffie-hellman-group16-sha512",
       "diffie-hellman-group18-sha512"]
AEADS = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"]
CTRS = ["aes128-ctr", "aes192-ctr", "aes256-ctr"]
MACS = ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256",
        "hmac-sha2-512"]
HOST_KEYS = {"ssh-ed25519": "ed25519", "ecdsa-sha2-nistp256": "ecdsa-256",
             "ecdsa-sha2-nistp384": "ecdsa-384", "ecdsa-sha2-nistp521": "ecdsa-521",
             "rsa-sha2-512": "rsa", "rsa-sha2-256": "rsa"}
MIB = 1024 * 1024


class Algorithms(rig.Case):
    def setUp(self):
        super().setUp()
        self.target = load.Target(load.duplex)

    def assert_speaks(self, server, *options, says, size=MIB):
        """A transfer both ways over a session whose keys are what `says`, in order."""
        program, [port] = self.forward(server, self.target.host_and_port, options=["-v", *options])
        load.converse(port, seed=1, size=size, seconds=30)
        [line] = program.wait_for_lines("keys are on: ")
        self.assertEqual(line.partition("keys are on: ")[2].split(", ")[:len(says)], says)
        program.stop()

    def assert_both_rekey(self, server, *options):
        """A transfer that needs many keys, whoever asks for them."""
        program, [port] = self.forward(server, self.target.host_and_port,
                                       options=["-v", "-o", "RekeyLimit=1M", *options])
        load.converse(port, seed=2, size=4 * MIB, seconds=30)
        self.assertGreater(len(program.lines(pattern="keys are on: ")), 4)
        program.stop()

    def test_every_key_exchange_method(self):
        server = self.start_sshd(KexAlgorithms=",".join(KEX))
        for kex in KEX:
            with self.subTest(kex):
                self.assert_speaks(server, "-o", f"KexAlgorithms={kex}",
                                   says=[kex, "ssh-ed25519"])

    def test_every_key_exchange_method_again_in_rekeys(self):
        server = self.start_sshd(KexAlgorithms=",".join(KEX), RekeyLimit="1M")
        for kex in ["ecdh-sha2-nistp521", "diffie-hellman-group-exchange-sha256"]:
            with self.subTest(kex):
                self.assert_both_rekey(server, "-o", f"KexAlgorithms={kex}")

    def test_every_aead(self):
        server = self.start_sshd()
        for cipher in AEADS:
            with self.subTest(cipher):
                self.assert_speaks(server, "-c", cipher, size=4 * MIB,
                                   says=["curve25519-sha256", "ssh-ed25519", cipher])

    def test_counter_mode_with_every_mac(self):
        server = self.start_sshd()
        for cipher in CTRS:
            for mac in MACS:
                with self.subTest(cipher, mac=mac):
                    self.assert_speaks(server, "-c", cipher, "-m", mac,
                                       says=["curve25519-sha256", "ssh-ed25519", cipher, mac])

    def test_counter_mode_again_in_rekeys(self):
        server = self.start_sshd(RekeyLimit="1M")
        for mac in MACS:
            with self.subTest(mac):
                self.assert_both_rekey(server, "-c", "aes256-ctr", "-m", mac)

    def test_a_server_without_aeads_is_spoken_to_by_default(self):
        server = self.start_sshd(Ciphers="aes192-ctr", MACs="hmac-sha2-256",
                                 KexAlgorithms="diffie-hellman-group14-sha256")
        self.assert_speaks(server, says=["diffie-hellman-group14-sha256", "ssh-ed25519",
                                         "aes192-ctr", "hmac-sha2-256"])

    def test_every_host_key_type(self):
        server = self.start_sshd(more_host_keys=("ecdsa-256", "ecdsa-384", "ecdsa-521", "rsa"))
        keys = dict(zip(["ed25519", "ecdsa-256", "ecdsa-384", "ecdsa-521", "rsa"],
                        server.host_keys))
        for algorithm, kind in HOST_KEYS.items():
            with self.subTest(algorithm):
                server.write_known_hosts(server.known_host_line(keys[kind]))
                self.assert_speaks(server, "-o", f"HostKeyAlgorithms={algorithm}",
                                   says=["curve25519-sha256", algorithm])

    def test_the_recorded_host_key_is_asked_for_first(self):
        server = self.start_sshd(more_host_keys=("ecdsa-384", "rsa"))
        for key, algorithm in zip(server.host_keys,
                                  ["ssh-ed25519", "ecdsa-sha2-nistp384", "rsa-sha2-512"]):
            with self.subTest(algorithm):
                server.write_known_hosts(server.known_host_line(key))
                self.assert_speaks(server, says=["curve25519-sha256", algorithm])

    def test_a_host_certificate_of_every_type(self):
        authority = rig.make_key(self.directory / "authority")
        for algorithm, kind in HOST_KEYS.items():
            with self.subTest(algorithm):
                server = self.certified_server(kind, authority)
                name = algorithm + "-cert-v01@openssh.com"
                self.assert_speaks(server, "-o", f"HostKeyAlgorithms={name}",
                                   says=["curve25519-sha256", name])

    def test_a_certificate_is_asked_for_where_an_authority_is_on_record(self):
        server = self.certified_server("ed25519", rig.make_key(self.directory / "authority"))
        self.assert_speaks(server,
                           says=["curve25519-sha256", "ssh-ed25519-cert-v01@openssh.com"])

    def certified_server(self, kind, authority):
        """A server whose key of `kind` is certified by an authority that known_hosts trusts."""
        folder = self.directory / f"certified-{len(self._processes)}"
        folder.mkdir()
        key = rig.make_key(folder / "key", kind)
        subprocess.run(["/usr/bin/ssh-keygen", "-q", "-s", authority, "-h", "-I", "server",
                        "-n", "127.0.0.1", f"{key}.pub"], check=True, timeout=10)
        server = self.start_sshd(folder.name + "-sshd", HostKey=str(key),
                                 HostCertificate=f"{key}-cert.pub")
        server.write_known_hosts(f"@cert-authority [127.0.0.1]:{server.port} "
                                 f"{rig.public_key(authority)}\n")
        return server

    def test_a_name_that_is_not_spoken_is_an_error_that_lists_what_is(self):
        server = self.start_sshd()
        for option, spoken in [("Ciphers=3des-cbc", "aes128-gcm@openssh.com"),
                               ("KexAlgorithms=+diffie-hellman-group1-sha1", "curve25519-sha256"),
                               ("HostKeyAlgorithms=^ssh-dss", "ssh-ed25519"),
                               ("MACs=hmac-md5", "hmac-sha2-256")]:
            with self.subTest(option):
                program = self.start_caponier(
                    ["-o", option, *self.arguments_for(server, "127.0.0.1:0:a:1")])
                self.assert_fails(program, "is not spoken; what is: .*" + spoken, code=64)

    def test_nothing_in_common_is_told_with_the_servers_list(self):
        server = self.start_sshd(Ciphers="aes256-gcm@openssh.com")
        program = self.start_caponier(["-c", "aes128-gcm@openssh.com",
                                       *self.arguments_for(server, "127.0.0.1:0:a:1")])
        self.assert_fails(program, "no matching cipher found. Their offer: aes256-gcm@openssh.com")


if __name__ == "__main__":
    tap.main()
