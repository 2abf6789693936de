#!/usr/bin/python3 -B
"""Certificates of users, signed by ssh-keygen, against OpenSSH's server and asyncssh's."""

import subprocess

import gatekeeper
import load
import rig
import tap


class Certificates(rig.Case):
    def setUp(self):
        super().setUp()
        self.target = load.Target(load.echo)
        self.ca = rig.make_key(self.directory / "ca")
        self.server = self.start_sshd(TrustedUserCAKeys=f"{self.ca}.pub")

    def start(self, *identities, server=None, options=(), environment=None, only="yes"):
        server = server or self.server
        return self.start_caponier(
            ["-N", "-p", server.port, *(word for key in identities for word in ("-i", key)),
             "-o", f"IdentitiesOnly={only}", "-o", f"UserKnownHostsFile={server.known_hosts}",
             "-o", "GlobalKnownHostsFile=/dev/null", *options,
             "-L", "127.0.0.1:0:{}:{}".format(*self.target.host_and_port),
             f"{rig.USER}@{server.address}"],
            environment={"HOME": str(self.directory), **(environment or {})})

    def new_certificate(self, name="mine", kind="ed25519", passphrase="", options=(),
                        principal=rig.USER):
        """A key that no authorized_keys knows, and its certificate beside it."""
        key = rig.make_key(self.directory / name, kind, passphrase)
        subprocess.run(["/usr/bin/ssh-keygen", "-q", "-s", self.ca, "-I", "interop", "-n",
                        principal, *options, f"{key}.pub"], check=True, timeout=30,
                       stdin=subprocess.DEVNULL)
        return key

    def assert_works(self, program):
        [port] = program.wait_until_ready()
        load.check_echo(port)

    def assert_refused(self, program, *patterns):
        self.assertEqual(program.wait_for_exit(), 255)
        text = "\n".join(program.messages())
        for pattern in patterns:
            self.assertRegex(text, f"(?i){pattern}")

    def start_agent(self, *keys):
        path = str(self.directory / "agent")
        agent = self.keep(rig.Process("ssh-agent", ["/usr/bin/ssh-agent", "-D", "-a", path]))
        agent.wait_for_lines("SSH_AUTH_SOCK", "stdout")
        for key in keys:
            subprocess.run(["/usr/bin/ssh-add", "-q", str(key)], check=True, timeout=10,
                           stdin=subprocess.DEVNULL,
                           env={**rig.clean_environment(), "SSH_AUTH_SOCK": path})
        return {"SSH_AUTH_SOCK": path}

    def test_a_certificate_beside_its_key_signs_in(self):
        for kind in ["ed25519", "ecdsa", "rsa"]:
            with self.subTest(kind=kind):
                program = self.start(self.new_certificate(kind, kind=kind))
                self.assert_works(program)
                program.stop()
        # Nothing but the certificates can have done it.
        self.assertEqual(len(self.server.lines(pattern="Accepted publickey .*-CERT")), 3)

    def test_a_certificate_that_is_named_signs_in(self):
        key = self.new_certificate()
        elsewhere = self.directory / "elsewhere.pub"
        (self.directory / "mine-cert.pub").rename(elsewhere)

        self.assert_works(self.start(key, options=["-o", f"CertificateFile={elsewhere}"]))

    def test_a_certificate_of_a_key_under_a_passphrase_signs_in(self):
        askpass = gatekeeper.Askpass(self.directory, ["open sesame"])

        self.assert_works(self.start(self.new_certificate(passphrase="open sesame"),
                                     environment=askpass.environment()))

    def test_a_certificate_in_the_agent_signs_in(self):
        key = self.new_certificate()
        agent = self.start_agent(key)
        for path in (key, self.directory / "mine.pub", self.directory / "mine-cert.pub"):
            path.unlink()

        self.assert_works(self.start(environment=agent, only="no"))

    def test_a_certificate_file_with_its_key_in_the_agent_signs_in(self):
        for kind in ["ed25519", "rsa"]:
            with self.subTest(kind=kind):
                key = self.new_certificate(kind, kind=kind)
                certificate = self.directory / f"{kind}-cert.pub"
                elsewhere = self.directory / f"{kind}.elsewhere"
                certificate.rename(elsewhere)
                (self.directory / "agent").unlink(missing_ok=True)
                agent = self.start_agent(key)
                key.unlink()

                program = self.start(f"{key}.pub", environment=agent,
                                     options=["-o", f"CertificateFile={elsewhere}"])
                self.assert_works(program)
                program.stop()

    def test_a_certificate_for_somebody_else_leaves_the_plain_key(self):
        key = self.new_certificate(principal="somebody-else")
        self.server.authorize(key)

        self.assert_works(self.start(key))

    def test_an_expired_certificate_is_refused_with_its_name(self):
        key = self.new_certificate(options=["-V", "20200101:20200102"])

        self.assert_refused(self.start(key), f"certificate of {key}")

    def test_a_certificate_without_its_private_key_is_named(self):
        key = self.new_certificate()
        key.unlink()
        (self.directory / "mine.pub").unlink()

        self.assert_refused(
            self.start(options=["-o", f"CertificateFile={self.directory}/mine-cert.pub"]),
            "mine-cert.pub", "private key")

    def test_asyncssh_takes_certificates_too(self):
        server = gatekeeper.Gatekeeper(self.directory / "server", [{"publickey"}], ca_key=self.ca)
        self.addCleanup(server.stop)

        for kind in ["ed25519", "ecdsa", "rsa"]:
            with self.subTest(kind=kind):
                program = self.start(self.new_certificate(kind, kind=kind), server=server)
                self.assert_works(program)
                program.stop()


if __name__ == "__main__":
    tap.main()
