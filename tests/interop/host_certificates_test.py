#!/usr/bin/python3 -B
"""Servers that show a host certificate: who vouches for them, for which names, and how long.
ssh-keygen signs, OpenSSH's server shows."""

import subprocess

import load
import rig
import tap


class HostCertificates(rig.Case):
    def setUp(self):
        super().setUp()
        self.target = load.Target(load.echo)
        self.authority = rig.make_key(self.directory / "authority")

    def start_certified(self, kind="ed25519", names="127.0.0.1", validity="always:forever",
                        authority=None, signed_with=None, name="sshd", plain_keys=()):
        """A server whose host key of `kind` is certified, and the plain ones are not."""
        key = rig.make_key(self.directory / f"{name}_key", kind)
        signing = ["-t", signed_with] if signed_with else []
        subprocess.run(["/usr/bin/ssh-keygen", "-q", "-s", authority or self.authority, *signing,
                        "-I", "the bastion", "-h", "-n", names, "-V", validity, f"{key}.pub"],
                       check=True, stdin=subprocess.DEVNULL, timeout=30)
        server = self.start_sshd(name, HostKey=[key, *plain_keys], HostCertificate=f"{key}-cert.pub")
        server.plain_key = key
        return server

    def line_of_authority(self, server, authority=None):
        return (f"@cert-authority [{server.address}]:{server.port} "
                f"{rig.public_key(authority or self.authority)}\n")

    def start(self, server, text, *options):
        server.write_known_hosts(text)
        target = "{}:{}".format(*self.target.host_and_port)
        return self.start_caponier(
            [*options, *self.arguments_for(server, f"127.0.0.1:0:{target}")])

    def assert_believed(self, server, text, *options):
        program = self.start(server, text, *options)
        [port] = program.wait_until_ready()
        load.check_echo(port)
        return program

    def assert_not_believed(self, server, text, says, *options):
        self.assert_fails(self.start(server, text, *options), says)
        self.assertEqual(server.known_hosts.read_text(), text, "the file was changed")

    def test_a_trusted_authority_is_enough(self):
        server = self.start_certified()

        program = self.assert_believed(server, self.line_of_authority(server), "-v", "-v")

        program.wait_for_lines('host certificate "the bastion" .* is signed by the authority in')

    def test_certificates_of_every_key_type_are_believed(self):
        for kind in "ecdsa", "rsa":
            server = self.start_certified(kind, name=kind)

            self.assert_believed(server, self.line_of_authority(server))

    def test_authorities_of_every_key_type_are_believed(self):
        for kind in "ecdsa", "rsa":
            authority = rig.make_key(self.directory / f"{kind}_authority", kind)
            server = self.start_certified(authority=authority, name=kind)

            self.assert_believed(server, self.line_of_authority(server, authority))

    def test_a_pattern_in_the_certificate_is_believed(self):
        server = self.start_certified(names="127.0.0.*")

        self.assert_believed(server, self.line_of_authority(server))

    def test_a_certificate_for_another_host_is_not_believed(self):
        server = self.start_certified(names="elsewhere.example")

        self.assert_not_believed(server, self.line_of_authority(server), "does not list this host")

    def test_an_expired_certificate_is_not_believed(self):
        server = self.start_certified(validity="20200101:20210101")

        self.assert_not_believed(server, self.line_of_authority(server), "is expired")

    def test_a_certificate_of_tomorrow_is_not_believed(self):
        server = self.start_certified(validity="+1d:+2d")

        self.assert_not_believed(server, self.line_of_authority(server), "is not yet valid")

    def test_an_authority_that_nobody_trusts_is_not_believed(self):
        server = self.start_certified()
        other = rig.make_key(self.directory / "other")

        self.assert_not_believed(server, self.line_of_authority(server, other), "@cert-authority")

    def test_a_signature_with_sha1_is_not_believed(self):
        authority = rig.make_key(self.directory / "rsa_authority", "rsa")
        server = self.start_certified(authority=authority, signed_with="ssh-rsa")

        self.assert_fails(self.start(server, self.line_of_authority(server, authority)))

    def test_a_signature_that_the_user_does_not_allow_is_not_believed(self):
        server = self.start_certified()

        self.assert_not_believed(server, self.line_of_authority(server), "CASignatureAlgorithms",
                                 "-o", "CASignatureAlgorithms=rsa-sha2-512")

    def test_a_revoked_authority_is_not_believed(self):
        server = self.start_certified()
        revoked = f"@revoked * {rig.public_key(self.authority)}\n"

        self.assert_not_believed(server, self.line_of_authority(server) + revoked, "revoked")

    def test_a_revoked_authority_is_not_believed_for_the_plain_key_on_record_either(self):
        server = self.start_certified()
        revoked = f"@revoked * {rig.public_key(self.authority)}\n"

        self.assert_not_believed(server, server.known_host_line(server.plain_key) + revoked,
                                 "revoked")

    def test_a_revoked_key_is_not_believed_in_a_certificate_either(self):
        server = self.start_certified()
        revoked = f"@revoked * {rig.public_key(server.plain_key)}\n"

        self.assert_not_believed(server, self.line_of_authority(server) + revoked, "revoked")

    def test_an_authority_in_a_list_of_revoked_keys_is_not_believed(self):
        server = self.start_certified()
        revoked = self.directory / "revoked"
        revoked.write_text(rig.public_key(self.authority) + "\n")

        self.assert_not_believed(server, self.line_of_authority(server), "revoked",
                                 "-o", f"RevokedHostKeys={revoked}")

    def test_the_plain_key_of_a_certificate_may_be_on_record(self):
        server = self.start_certified()

        self.assert_believed(server, server.known_host_line(server.plain_key))

    def test_accept_new_records_the_plain_key(self):
        server = self.start_certified()

        self.assert_believed(server, "", "-o", "StrictHostKeyChecking=accept-new")

        self.assertEqual(server.known_hosts.read_text(), server.known_host_line(server.plain_key))

    def test_an_authority_for_the_name_without_the_port_outweighs_a_stale_key_of_the_port(self):
        server = self.start_certified()
        stale = server.known_host_line(rig.make_key(self.directory / "stale"))
        authority = f"@cert-authority {server.address} {rig.public_key(self.authority)}\n"

        self.assert_believed(server, stale + authority)

    def test_a_strangers_certificate_does_not_hide_the_key_on_record(self):
        plain = rig.make_key(self.directory / "plain", "ecdsa")
        server = self.start_certified(plain_keys=[plain])
        other = rig.make_key(self.directory / "other")
        authority = f"@cert-authority {server.address} {rig.public_key(other)}\n"

        self.assert_believed(server, server.known_host_line(plain) + authority)

    def test_an_alias_is_the_name_that_the_certificate_lists(self):
        server = self.start_certified(names="alias.example")
        line = f"@cert-authority *.example {rig.public_key(self.authority)}\n"

        for alias in "alias.example", "Alias.Example":
            self.assert_believed(server, line, "-o", f"HostKeyAlias={alias}")


if __name__ == "__main__":
    tap.main()
