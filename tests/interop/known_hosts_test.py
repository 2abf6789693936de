#!/usr/bin/python3 -B
"""Which server is believed: known_hosts as OpenSSH writes and reads it."""

import re
import shlex
import socket
import subprocess
import threading

import gatekeeper
import load
import rig
import tap


class Front:
    """Leads the first connection to one server, and all later ones to another."""

    def __init__(self, first, later):
        self._first = first
        self._later = later
        self._lock = threading.Lock()

    def __call__(self, connection):
        with self._lock:
            server, self._first = self._first, self._later
        with socket.create_connection((server.address, server.port)) as beyond:
            back = threading.Thread(target=self._carry, args=(beyond, connection), daemon=True)
            back.start()
            self._carry(connection, beyond)
            back.join()

    @staticmethod
    def _carry(source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class KnownHosts(rig.Case):
    def setUp(self):
        super().setUp()
        self.target = load.Target(load.echo)
        self.server = self.start_sshd()
        self.name = f"[{self.server.address}]:{self.server.port}"
        self.key = rig.public_key(self.server.host_key)
        self.other = rig.public_key(rig.make_key(self.directory / "other"))

    def start(self, text, *options, server=None):
        server = server or self.server
        server.write_known_hosts(text)
        target = "{}:{}".format(*self.target.host_and_port)
        return self.start_caponier([*options, *self.arguments_for(server, f"127.0.0.1:0:{target}")])

    def assert_believed(self, text, *options, server=None):
        program = self.start(text, *options, server=server)
        [port] = program.wait_until_ready()
        load.check_echo(port)
        program.stop()

    def assert_not_believed(self, text, *options, says="host key"):
        self.assert_fails(self.start(text, *options), says)
        self.assertEqual(self.server.known_hosts.read_text(), text, "the file was changed")

    def test_a_recorded_key_is_believed(self):
        self.assert_believed(f"{self.name} {self.key}\n")

    def test_a_recorded_key_is_believed_among_comments_and_rubbish(self):
        self.assert_believed(f"# comment\n\nrubbish\n{self.name} ssh-ed25519 !!!\n"
                             f"other.example,{self.name} {self.key} with a comment\r\n")

    def test_a_recorded_key_is_believed_without_a_newline_at_the_end(self):
        self.assert_believed(f"{self.name} {self.key}")

    def test_an_address_is_looked_up_in_its_canonical_form(self):
        self.server.write_known_hosts(f"{self.name} {self.key}\n")
        words = self.arguments_for(self.server, "127.0.0.1:0:{}:{}".format(
            *self.target.host_and_port))
        for written in ("127.1", "0x7f.0.0.1"):
            program = self.start_caponier([*words[:-1], f"{rig.USER}@{written}"])

            load.check_echo(program.wait_until_ready()[0])

            [line] = program.lines("stdout")
            self.assertTrue(line.endswith(f"via {written}"), line)

    def test_a_hashed_name_is_believed(self):
        path = self.server.write_known_hosts(f"{self.name} {self.key}\n")
        subprocess.run(["/usr/bin/ssh-keygen", "-q", "-H", "-f", path], check=True,
                       capture_output=True, timeout=10)
        text = path.read_text()
        self.assertTrue(text.startswith("|1|"), text)

        self.assert_believed(text)

    def test_a_pattern_is_believed(self):
        self.assert_believed(f"[127.0.0.?]:{self.server.port} {self.key}\n")

    def test_a_negated_pattern_is_not_believed(self):
        self.assert_not_believed(f"[127.0.0.*]:{self.server.port},!{self.name} {self.key}\n")

    def test_another_port_of_the_same_host_is_not_believed(self):
        self.assert_not_believed(f"[{self.server.address}]:{self.server.port + 1} {self.key}\n")

    def test_an_unknown_host_is_not_believed(self):
        self.assert_not_believed(f"elsewhere.example {self.key}\n")

    def test_a_changed_key_is_not_believed(self):
        self.assert_not_believed(f"{self.name} {self.other}\n")

    def test_a_revoked_key_is_not_believed(self):
        self.assert_not_believed(f"@revoked * {self.key}\n{self.name} {self.key}\n", says="revoked")

    def test_a_key_in_the_second_file_is_believed(self):
        first = self.directory / "first"
        first.write_text(f"elsewhere.example {self.key}\n")
        second = self.directory / "second"
        second.write_text(f"{self.name} {self.key}\n")

        self.assert_believed("", "-o", f"UserKnownHostsFile={first} {second}")

    def test_a_key_in_the_global_file_is_believed(self):
        path = self.directory / "global"
        path.write_text(f"{self.name} {self.key}\n")

        self.assert_believed("", "-o", f"GlobalKnownHostsFile={path}")

    def test_accept_new_records_an_unknown_key_and_believes_it_from_then_on(self):
        self.assert_believed("# mine\n", "-o", "StrictHostKeyChecking=accept-new")

        text = self.server.known_hosts.read_text()
        self.assertTrue(text.startswith("# mine\n"), text)
        self.assertIn(self.key, text)
        self.assert_believed(text)

    def test_accept_new_records_the_key_once(self):
        self.assert_believed("", "-o", "StrictHostKeyChecking=accept-new")
        text = self.server.known_hosts.read_text()

        self.assert_believed(text, "-o", "StrictHostKeyChecking=accept-new")

        self.assertEqual(self.server.known_hosts.read_text(), text)

    def test_accept_new_leaves_a_last_line_without_newline_whole(self):
        self.assert_believed(f"elsewhere.example {self.other}", "-o",
                             "StrictHostKeyChecking=accept-new")

        lines = self.server.known_hosts.read_text().splitlines()
        self.assertEqual(lines[0], f"elsewhere.example {self.other}")
        self.assertIn(self.key, lines[1])

    def test_accept_new_makes_a_file_that_ssh_can_read(self):
        self.server.known_hosts.unlink()
        program = self.start_caponier([
            "-o", "StrictHostKeyChecking=accept-new",
            *self.arguments_for(self.server, "127.0.0.1:0:127.0.0.1:9")])
        program.wait_until_ready()

        found = subprocess.run(["/usr/bin/ssh-keygen", "-F", self.name, "-f",
                                self.server.known_hosts], capture_output=True, timeout=10)

        self.assertEqual(found.returncode, 0)

    def test_accept_new_does_not_believe_a_changed_key(self):
        self.assert_not_believed(f"{self.name} {self.other}\n", "-o",
                                 "StrictHostKeyChecking=accept-new")

    def test_accept_new_does_not_believe_another_type_of_key_for_a_known_host(self):
        ecdsa = rig.public_key(rig.make_key(self.directory / "ecdsa", "ecdsa"))

        self.assert_not_believed(f"{self.name} {ecdsa}\n", "-o", "StrictHostKeyChecking=accept-new")

    def test_accept_new_believes_no_key_that_the_end_of_a_large_file_changes_or_revokes(self):
        much = "".join(f"host{i}.example {self.other}\n" for i in range(50_000))
        self.assertGreater(len(much), 4 * 1024 * 1024)

        self.assert_not_believed(f"{much}{self.name} {self.other}\n", "-o",
                                 "StrictHostKeyChecking=accept-new", says="not the recorded one")
        self.assert_not_believed(f"{much}@revoked * {self.key}\n", "-o",
                                 "StrictHostKeyChecking=accept-new", says="revoked")

    def test_a_file_that_is_there_and_cannot_be_read_believes_nobody(self):
        folder = self.directory / "folder"
        folder.mkdir()

        self.assert_not_believed(f"{self.name} {self.key}\n", "-o",
                                 f"GlobalKnownHostsFile={folder}",
                                 says="no host is believed, because GlobalKnownHostsFile")

    def test_what_cannot_be_recorded_binds_the_later_connections_of_the_process(self):
        impostor = self.start_sshd("impostor")
        impostor.authorized_keys.write_text(self.server.authorized_keys.read_text())
        front = load.Target(Front(self.server, impostor))
        self.addCleanup(front.stop)
        words = self.arguments_for(self.server, "127.0.0.1:0:{}:{}".format(
            *self.target.host_and_port), known_hosts="/dev/null")
        words[words.index("-p") + 1] = front.port
        program = self.start_caponier(["-v", "-o", "StrictHostKeyChecking=accept-new",
                                       "-o", "ChannelsPerSession=1", "-o", "PoolSessions=2", *words])
        [port] = program.wait_until_ready()

        tunnels = [load.connect(port) for _ in range(3)]
        for tunnel in tunnels:
            self.addCleanup(tunnel.close)
            tunnel.sendall(b"hello")
            self.assertEqual(load.receive_exactly(tunnel, 5), b"hello")

        program.wait_for_lines("is not the one that this program has believed")
        self.assertEqual(impostor.lines("stderr", "Accepted publickey"), [])
        load.check_echo(port)

    def start_asking(self, *answers):
        """With somebody there who gives these answers."""
        self.server.write_known_hosts("")
        self.askpass = gatekeeper.Askpass(self.directory, answers)
        target = "{}:{}".format(*self.target.host_and_port)
        return self.start_caponier(["-o", "StrictHostKeyChecking=ask",
                                    *self.arguments_for(self.server, f"127.0.0.1:0:{target}")],
                                   environment=self.askpass.environment())

    def test_a_person_who_says_yes_is_believed_and_the_key_is_recorded(self):
        program = self.start_asking("what?", "yes")

        load.check_echo(program.wait_until_ready()[0])

        self.assertEqual(self.server.known_hosts.read_text(), f"{self.name} {self.key}\n")
        first, second = self.askpass.prompts()
        self.assertRegex(first, r"^The authenticity of host '.*' can't be established\. ED25519 key "
                                r"fingerprint is SHA256:\S+\. Are you sure you want to continue "
                                r"connecting \(yes/no/\[fingerprint\]\)\? $")
        self.assertRegex(second, "^Please type 'yes', 'no' or the fingerprint: $")

    def test_a_person_who_says_no_is_believed_too(self):
        program = self.start_asking("no")

        self.assert_fails(program, "was not accepted")

        self.assertEqual(self.server.known_hosts.read_text(), "")

    def test_no_checking_believes_and_records_an_unknown_key(self):
        self.assert_believed("", "-o", "StrictHostKeyChecking=no")

        self.assertIn(self.key, self.server.known_hosts.read_text())

    def test_no_checking_still_forwards_nothing_through_a_changed_key(self):
        # ssh connects then, but "Port forwarding is disabled to avoid man-in-the-middle attacks".
        program = self.start(f"{self.name} {self.other}\n", "-o", "StrictHostKeyChecking=no")

        program.wait_for_lines("(?i)host key")
        self.assertEqual(program.lines("stdout"), [])

    def test_the_server_is_asked_for_the_type_of_key_that_is_recorded(self):
        server = self.start_sshd("both", more_host_keys=["ecdsa"])
        line = server.known_host_line(server.host_keys[1])

        self.assert_believed(line, server=server)

    def test_a_server_whose_one_key_is_revoked_is_asked_for_its_other_recorded_one(self):
        server = self.start_sshd("both", more_host_keys=["ecdsa"])
        revoked = rig.public_key(server.host_keys[0])

        self.assert_believed("".join(map(server.known_host_line, server.host_keys)) +
                             f"@revoked * {revoked}\n", server=server)

    def test_a_key_that_was_cut_short_conflicts_with_nothing(self):
        self.assert_believed(f"{self.name} {self.other[:-4]}\n", "-o",
                             "StrictHostKeyChecking=accept-new")

    def test_a_line_that_cannot_be_read_is_skipped_with_a_warning(self):
        program = self.start(f"@revokd * {self.key}\n{self.name} {self.key}\n")

        program.wait_until_ready()

        program.wait_for_lines(r"known_hosts:1 is skipped: its marker is unknown")

    def test_a_changed_key_names_its_line_and_the_command_that_removes_it(self):
        text = f"# mine\n{self.name} {self.other}\n"
        program = self.start(text)

        self.assert_fails(program, "known_hosts:2 says")

        [command] = re.findall(r"ssh-keygen -f '.+' -R '.+'", program.messages()[0])
        subprocess.run(shlex.split(command), check=True, capture_output=True, timeout=10)
        self.assertEqual(self.server.known_hosts.read_text(), "# mine\n")

    def test_a_hashed_name_is_recorded_where_that_is_asked_for(self):
        self.assert_believed("", "-o", "StrictHostKeyChecking=accept-new",
                             "-o", "HashKnownHosts=yes")

        text = self.server.known_hosts.read_text()
        self.assertRegex(text, r"^\|1\|\S+\|\S+ ssh-ed25519 ")
        self.assertNotIn(self.server.address, text)
        found = subprocess.run(["/usr/bin/ssh-keygen", "-F", self.name, "-f",
                                self.server.known_hosts], capture_output=True, timeout=10)
        self.assertEqual(found.returncode, 0)
        self.assert_believed(text)

    def test_an_alias_is_looked_up_and_recorded_without_the_port(self):
        self.assert_believed("", "-o", "StrictHostKeyChecking=accept-new",
                             "-o", "HostKeyAlias=bastion")

        self.assertEqual(self.server.known_hosts.read_text(), f"bastion {self.key}\n")
        self.assert_believed(f"bastion {self.key}\n", "-o", "HostKeyAlias=bastion")
        self.assert_not_believed(f"bastion {self.key}\n")

    def test_localhost_is_believed_unseen_where_that_is_asked_for(self):
        self.assert_believed("", "-o", "NoHostAuthenticationForLocalhost=yes")

        self.assertEqual(self.server.known_hosts.read_text(), "")

    def test_a_key_in_a_list_of_revoked_keys_is_not_believed(self):
        revoked = self.directory / "revoked"
        revoked.write_text(f"# stolen\n{self.key} its comment\n")

        self.assert_not_believed(f"{self.name} {self.key}\n", "-o", f"RevokedHostKeys={revoked}",
                                 says="revoked in .*revoked:2")

    def test_a_list_of_revoked_keys_that_cannot_be_read_believes_nobody(self):
        revoked = self.directory / "revoked"
        for write in (lambda: None,
                      lambda: revoked.write_text("rubbish\n"),
                      lambda: subprocess.run(["/usr/bin/ssh-keygen", "-q", "-k", "-f", revoked,
                                              f"{self.server.host_key}.pub"], check=True,
                                             timeout=10)):
            write()
            self.assert_not_believed(f"{self.name} {self.key}\n", "-o",
                                     f"RevokedHostKeys={revoked}", says="no host is believed")

    def test_the_host_name_option_is_what_is_looked_up(self):
        words = self.arguments_for(self.server, "127.0.0.1:0:127.0.0.1:9")
        words[-1] = f"{rig.USER}@bastion.example"

        program = self.start_caponier(["-o", f"HostName={self.server.address}", *words])

        program.wait_until_ready()


if __name__ == "__main__":
    tap.main()
