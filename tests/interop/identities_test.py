#!/usr/bin/python3 -B
"""Who the user is: key files and the agent, and what is said of keys that cannot be used."""

import os
import shutil
import signal
import socket
import subprocess

import load
import peer
import rig
import tap


class Somebody(rig.Case):
    """The program in an account that the test makes up: libnss_wrapper has it find that, or none."""

    def setUp(self):
        super().setUp()
        self.target = load.Target(load.echo)
        self.server = self.start_sshd()
        self.home = self.directory / "home"
        (self.home / ".ssh").mkdir(parents=True)
        (self.home / ".ssh" / "known_hosts").write_text(self.server.known_hosts.read_text())
        shutil.copy(self.server.user_key, self.home / ".ssh" / "id_ed25519")

    def start(self, *words, account=True, **environment):
        passwd = self.directory / "passwd"
        passwd.write_text(f"me:x:{os.getuid()}:{os.getgid()}::{self.home}:/bin/sh\n" if account
                          else "other:x:64000:64000::/nonexistent:/bin/sh\n")
        group = self.directory / "group"
        group.write_text("")
        return self.start_caponier(
            ["-N", "-p", self.server.port, "-o", "GlobalKnownHostsFile=/dev/null",
             "-L", "127.0.0.1:0:{}:{}".format(*self.target.host_and_port), *words],
            environment={"LD_PRELOAD": peer.NSS_WRAPPER, "NSS_WRAPPER_PASSWD": str(passwd),
                         "NSS_WRAPPER_GROUP": str(group), **environment})

    def assert_works(self, program):
        [port] = program.wait_until_ready()
        load.check_echo(port)

    def test_a_key_file_that_is_missing_leaves_the_default_files(self):
        program = self.start("-i", "/nonexistent/key", "-l", rig.USER, self.server.address)

        self.assert_works(program)

        self.assertEqual(
            len(program.messages("Warning: Identity file /nonexistent/key not accessible: "
                                 r"No such file or directory\.")), 1)

    def test_an_identity_file_that_is_missing_takes_the_place_of_the_default_files(self):
        program = self.start("-o", "IdentityFile=/nonexistent/key", "-l", rig.USER,
                             self.server.address)

        self.assertEqual(program.wait_for_exit(), 255)

    def test_an_alias_of_ssh_config_is_told_from_a_wrong_name(self):
        (self.home / ".ssh" / "config").write_text("Host no-such-bastion.invalid other\n"
                                                   "    HostName 127.0.0.1\n")

        program = self.start("-l", rig.USER, "no-such-bastion.invalid")
        self.assertEqual(program.wait_for_exit(30), 255)
        [cause, hint] = program.messages()
        self.assertIn("no-such-bastion.invalid", cause)
        self.assertIn("'ssh -G no-such-bastion.invalid'", hint)

        program = self.start("-l", rig.USER, "another.invalid")
        self.assert_fails(program, "another.invalid", seconds=30)

    def test_home_serves_who_has_no_account(self):
        self.assert_works(self.start("-l", rig.USER, self.server.address, account=False,
                                     HOME=str(self.home)))
        self.assert_works(self.start(f"{rig.USER}@{self.server.address}", account=False,
                                     HOME=str(self.home)))

    def test_home_is_not_asked_where_there_is_an_account(self):
        self.assert_works(self.start("-l", rig.USER, self.server.address, HOME="/nonexistent"))

    def test_who_has_no_account_is_told_to_name_the_user(self):
        program = self.start(self.server.address, account=False, HOME=str(self.home))

        self.assert_fails(program, f"uid {os.getuid()} has no account here", "-l", "user@",
                          code=64)

    def test_who_has_no_home_is_told_to_set_it(self):
        program = self.start("-l", rig.USER, self.server.address, account=False, HOME="")

        self.assertEqual(program.wait_for_exit(), 255)
        self.assertEqual(len(program.messages("has no account here.*set it")), 1)


class Identities(rig.Case):
    def setUp(self):
        super().setUp()
        self.target = load.Target(load.echo)
        self.server = self.start_sshd()

    def start(self, *identities, only="yes", agent=None, options=()):
        server = self.server
        environment = {"HOME": str(self.directory)} | ({"SSH_AUTH_SOCK": agent} if agent else {})
        return self.start_caponier(
            ["-N", "-p", server.port, *(word for key in identities for word in ("-i", key)),
             "-o", f"IdentitiesOnly={only}", "-o", f"UserKnownHostsFile={server.known_hosts}",
             "-o", "GlobalKnownHostsFile=/dev/null", *options,
             "-L", "127.0.0.1:0:{}:{}".format(*self.target.host_and_port),
             f"{rig.USER}@{server.address}"],
            environment=environment)

    def start_agent(self, *keys):
        path = str(self.directory / "agent")
        agent = self.keep(rig.Process("ssh-agent", ["/usr/bin/ssh-agent", "-D", "-a", path]))
        agent.wait_for_lines("SSH_AUTH_SOCK", "stdout")
        for key in keys:
            subprocess.run(["/usr/bin/ssh-add", "-q", str(key)], check=True, timeout=10,
                           stdin=subprocess.DEVNULL,
                           env={**os.environ, "SSH_AUTH_SOCK": path, "SSH_ASKPASS": "/bin/false"})
        return path

    def new_key(self, name="mine", kind="ed25519", passphrase=""):
        key = rig.make_key(self.directory / name, kind, passphrase)
        self.server.authorize(key)
        return key

    def assert_works(self, program):
        [port] = program.wait_until_ready()
        load.check_echo(port)

    def assert_refused(self, program, *patterns):
        self.assertEqual(program.wait_for_exit(), 255)
        text = "\n".join(program.messages())
        for pattern in patterns:
            self.assertRegex(text, f"(?i){pattern}")

    def test_a_key_file_signs_in(self):
        self.assert_works(self.start(self.new_key()))

    def test_an_ecdsa_key_file_signs_in(self):
        self.assert_works(self.start(self.new_key(kind="ecdsa")))

    def test_the_second_key_is_tried_when_the_first_is_not_wanted(self):
        stranger = rig.make_key(self.directory / "stranger")

        self.assert_works(self.start(stranger, self.new_key()))

    def test_an_agent_signs_in(self):
        agent = self.start_agent(self.new_key())

        self.assert_works(self.start(only="no", agent=agent))

    def test_an_agent_with_an_ecdsa_key_signs_in(self):
        agent = self.start_agent(self.new_key(kind="ecdsa"))

        self.assert_works(self.start(only="no", agent=agent))

    def test_an_agent_signs_in_when_a_key_file_is_not_wanted(self):
        agent = self.start_agent(self.new_key())
        stranger = rig.make_key(self.directory / "stranger")

        self.assert_works(self.start(stranger, only="no", agent=agent))

    def test_an_agent_signs_for_a_key_file_that_is_encrypted(self):
        key = self.new_key()
        agent = self.start_agent(key)
        subprocess.run(["/usr/bin/ssh-keygen", "-q", "-p", "-N", "secret", "-f", key], check=True,
                       stdout=subprocess.DEVNULL, timeout=10)

        self.assert_works(self.start(key, agent=agent))

    def test_identities_only_keeps_the_other_keys_of_an_agent_away(self):
        agent = self.start_agent(self.new_key())
        stranger = rig.make_key(self.directory / "stranger")

        self.assert_refused(self.start(stranger, agent=agent), "publickey|identit|denied")

    def test_an_agent_that_is_not_there_leaves_the_key_files(self):
        self.assert_works(self.start(self.new_key(), only="no",
                                     agent=str(self.directory / "no agent")))

    def test_an_agent_that_never_answers_does_not_keep_the_program_from_ending(self):
        path = str(self.directory / "silent agent")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            listener.settimeout(10)
            program = self.start(only="no", agent=path)
            connection, _ = listener.accept()
            with connection:
                program.signal(signal.SIGTERM)

                self.assertEqual(program.wait_for_exit(5), 0)

    def strangers(self, number):
        return [rig.make_key(self.directory / f"stranger {i}") for i in range(number)]

    def test_the_last_of_many_keys_is_tried_where_the_server_allows_it(self):
        self.server = self.start_sshd("patient", MaxAuthTries=20)
        agent = self.start_agent(*self.strangers(10), self.new_key())

        self.assert_works(self.start(only="no", agent=agent))

    def test_a_server_that_has_had_enough_of_keys_is_told_with_the_remedy(self):
        agent = self.start_agent(*self.strangers(10))

        program = self.start(only="no", agent=agent)

        self.assert_refused(program, "too many authentication failures", "-i ",
                            "IdentitiesOnly=yes")

    def test_an_encrypted_key_is_named_with_the_remedy(self):
        key = self.new_key(passphrase="secret")

        self.assert_refused(self.start(key), str(key), "passphrase|encrypted", "ssh-add|agent")

    def test_an_rsa_key_file_signs_in(self):
        self.assert_works(self.start(self.new_key(kind="rsa")))

    def test_an_rsa_key_in_the_agent_signs_in(self):
        key = self.new_key(kind="rsa")
        agent = self.start_agent(key)
        key.unlink()

        self.assert_works(self.start(only="no", agent=agent))

    def test_an_rsa_key_that_libssh2_cannot_use_is_named_with_the_reason(self):
        key = self.new_key(kind="rsa")
        program = self.start(key, options=["--ssh=libssh2"])

        self.assert_refused(program, "rsa", "ed25519|ecdsa|sha-?1")

    def test_an_rsa_key_in_the_agent_does_not_hide_the_others(self):
        agent = self.start_agent(self.new_key("old", kind="rsa"), self.new_key())

        self.assert_works(self.start(only="no", agent=agent))

    def test_a_wrong_key_without_a_terminal_is_told_with_the_key_first(self):
        self.server = self.start_sshd("usual", PasswordAuthentication="yes",
                                      KbdInteractiveAuthentication="yes")
        stranger = rig.make_key(self.directory / "stranger")

        program = self.start(stranger)

        self.assertEqual(program.wait_for_exit(), 255)
        [cause, remedy, *_] = program.messages()
        self.assertRegex(cause, rf"{rig.USER}@127\.0\.0\.1: Permission denied \(publickey,.*\)\. "
                                rf"The server refused the key .*{stranger}\.$")
        self.assertLess(len(cause), 200)
        self.assertIn("Check the user name", remedy)

    def test_what_is_wrong_with_a_key_file_is_told_in_full_once(self):
        key = self.new_key()
        key.chmod(0o644)

        program = self.start(key)

        self.assertEqual(program.wait_for_exit(), 255)
        self.assertEqual(len(program.messages("are too open")), 1)
        self.assertEqual(len(program.messages(f"Permission denied.*{key}: bad permissions")), 1)

    def test_a_key_that_others_can_read_is_not_used(self):
        key = self.new_key()
        key.chmod(0o644)

        self.assert_refused(self.start(key), str(key), "permission|mode|readable|0?644")

    def test_a_key_file_that_is_missing_is_named(self):
        path = self.directory / "no such key"

        self.assert_refused(self.start(path), str(path), "no such file|missing|not exist|found")

    def test_a_key_file_that_is_rubbish_is_named(self):
        path = self.directory / "rubbish"
        path.write_bytes(b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + b"A" * 700
                         + b"\n-----END OPENSSH PRIVATE KEY-----\n")
        path.chmod(0o600)

        self.assert_refused(self.start(path), str(path))


if __name__ == "__main__":
    tap.main()
