#!/usr/bin/python3 -B
"""Private key files as ssh-keygen and openssl write them, under a passphrase or not, against a real
OpenSSH server."""

import subprocess

import gatekeeper
import load
import rig
import tap
import token_agent

PASSPHRASE = "correct horse battery staple"


class KeyFiles(rig.Case):
    def setUp(self):
        super().setUp()
        self.target = load.Target(load.echo)
        self.server = self.start_sshd()

    def start(self, *identities, askpass=None, options=(), server=None, agent=None):
        server = server or self.server
        environment = {"HOME": str(self.directory),
                       **(askpass.environment() if askpass else {}),
                       **({"SSH_AUTH_SOCK": agent} if agent else {})}
        return self.start_caponier(
            ["-N", "-p", server.port, *(word for key in identities for word in ("-i", key)),
             "-o", "IdentitiesOnly=yes", "-o", f"UserKnownHostsFile={server.known_hosts}",
             "-o", "GlobalKnownHostsFile=/dev/null", *options,
             "-L", "127.0.0.1:0:{}:{}".format(*self.target.host_and_port),
             f"{rig.USER}@{server.address}"],
            environment=environment)

    def askpass(self, *answers):
        return gatekeeper.Askpass(self.directory, answers)

    def new_key(self, name="mine", kind="ed25519", passphrase="", authorized=True):
        key = rig.make_key(self.directory / name, kind, passphrase)
        if authorized:
            self.server.authorize(key)
        return key

    def rewrite(self, key, *arguments, old=""):
        """Has ssh-keygen write the key anew, under PASSPHRASE."""
        subprocess.run(["/usr/bin/ssh-keygen", "-q", "-p", "-P", old, "-N", PASSPHRASE, *arguments,
                        "-f", key], check=True, stdout=subprocess.DEVNULL, timeout=30)

    def assert_works(self, program):
        [port] = program.wait_until_ready(seconds=30)
        load.check_echo(port)

    def assert_refused(self, program, *patterns):
        self.assertEqual(program.wait_for_exit(30), 255)
        text = "\n".join(program.messages())
        for pattern in patterns:
            self.assertRegex(text, f"(?i){pattern}")

    def test_every_type_that_is_spoken_signs_in(self):
        for kind, bits in [("ed25519", []), ("ecdsa", ["256"]), ("ecdsa", ["384"]),
                           ("ecdsa", ["521"]), ("rsa", ["2048"]), ("rsa", ["4096"])]:
            with self.subTest(kind=kind, bits=bits):
                key = self.directory / "-".join([kind, *bits])
                subprocess.run(["/usr/bin/ssh-keygen", "-q", "-t", kind,
                                *(["-b", *bits] if bits else []), "-N", "", "-f", key],
                               check=True, timeout=60)
                self.server.authorize(key)

                program = self.start(key)
                self.assert_works(program)
                program.stop()

    def test_a_key_under_a_passphrase_signs_in(self):
        key = self.new_key(passphrase=PASSPHRASE)
        askpass = self.askpass(PASSPHRASE)

        self.assert_works(self.start(key, askpass=askpass))

        self.assertEqual(askpass.prompts(), [f"Enter passphrase for key '{key}': "])

    def test_every_cipher_of_ssh_keygen_but_one_is_read(self):
        for cipher in ["aes256-ctr", "aes256-cbc", "aes128-ctr", "aes256-gcm@openssh.com"]:
            with self.subTest(cipher=cipher):
                key = self.new_key(cipher.split("@")[0], kind="ecdsa")
                self.rewrite(key, "-Z", cipher, "-a", "4")

                program = self.start(key, askpass=self.askpass(PASSPHRASE))
                self.assert_works(program)
                program.stop()

    def test_pem_files_are_read(self):
        for name, arguments in [("PEM", ["-m", "PEM"]), ("PKCS8", ["-m", "PKCS8"])]:
            with self.subTest(name=name):
                key = self.new_key(name, kind="rsa")
                self.rewrite(key, *arguments)
                self.assertIn("BEGIN " + {"PEM": "RSA PRIVATE KEY", "PKCS8":
                                          "ENCRYPTED PRIVATE KEY"}[name], key.read_text())

                program = self.start(key, askpass=self.askpass(PASSPHRASE))
                self.assert_works(program)
                program.stop()

    def test_a_pem_file_without_its_public_half_is_asked_for_once(self):
        key = self.new_key(kind="rsa")
        self.rewrite(key, "-m", "PEM")
        (key.parent / (key.name + ".pub")).unlink()
        askpass = self.askpass(PASSPHRASE)

        self.assert_works(self.start(key, askpass=askpass))

        self.assertEqual(len(askpass.prompts()), 1)

    def test_a_passphrase_is_not_asked_for_before_the_server_wants_the_key(self):
        stranger = self.new_key("stranger", passphrase=PASSPHRASE, authorized=False)
        key = self.new_key("mine", passphrase=PASSPHRASE)
        askpass = self.askpass(PASSPHRASE)

        self.assert_works(self.start(stranger, key, askpass=askpass))

        self.assertEqual(askpass.prompts(), [f"Enter passphrase for key '{key}': "])

    def test_a_mistyped_passphrase_is_asked_for_again(self):
        key = self.new_key(passphrase=PASSPHRASE)
        askpass = self.askpass("wrong", "wrong again", PASSPHRASE)

        self.assert_works(self.start(key, askpass=askpass))

    def test_a_wrong_passphrase_leaves_the_next_key(self):
        locked = self.new_key("locked", passphrase=PASSPHRASE)
        other = self.new_key("other")

        program = self.start(locked, other, askpass=self.askpass("one", "two", "three"))

        self.assert_works(program)
        self.assertEqual(len(program.messages("passphrase is another one")), 1)

    def test_a_wrong_passphrase_is_named_in_the_end(self):
        key = self.new_key(passphrase=PASSPHRASE)

        self.assert_refused(self.start(key, askpass=self.askpass("one", "two", "three")),
                            str(key), "passphrase")

    def test_batch_mode_leaves_a_locked_key_alone(self):
        key = self.new_key(passphrase=PASSPHRASE)
        askpass = self.askpass(PASSPHRASE)

        self.assert_refused(self.start(key, askpass=askpass, options=["-o", "BatchMode=yes"]),
                            str(key), "passphrase", "ssh-add|agent")

        self.assertEqual(askpass.prompts(), [])

    def test_no_passphrase_is_in_what_is_logged(self):
        key = self.new_key(passphrase=PASSPHRASE)
        program = self.start(key, askpass=self.askpass("horse staple", PASSPHRASE),
                             options=["-vvv"])

        self.assert_works(program)

        text = "\n".join(program.lines("stderr"))
        self.assertNotIn("horse", text)

    # OpenSSH's own chain of methods: two keys, one after the other.
    def test_two_keys_in_a_chain(self):
        server = self.start_sshd("chain", AuthenticationMethods="publickey,publickey")
        second = rig.make_key(self.directory / "second")
        server.authorize(second)

        self.assert_works(self.start(server.user_key, second, server=server))

    def test_public_keys_can_be_switched_off(self):
        self.assert_refused(
            self.start(self.new_key(), options=["-o", "PubkeyAuthentication=no"]),
            "publickey")

    def test_the_agent_is_an_option(self):
        key = self.new_key()
        agent = self.start_agent(key)

        self.assert_works(self.start(f"{key}.pub", options=["-o", f"IdentityAgent={agent}"]))
        self.assert_refused(self.start(f"{key}.pub", options=["-o", "IdentityAgent=none"],
                                       agent=agent), "mine.pub: it is a public key")

    def start_agent(self, *keys, options=()):
        path = str(self.directory / "agent")
        agent = self.keep(rig.Process("ssh-agent", ["/usr/bin/ssh-agent", "-D", "-a", path]))
        agent.wait_for_lines("SSH_AUTH_SOCK", "stdout")
        for key in keys:
            subprocess.run(["/usr/bin/ssh-add", "-q", *options, str(key)], check=True, timeout=10,
                           stdin=subprocess.DEVNULL,
                           env={**rig.clean_environment(), "SSH_AUTH_SOCK": path})
        return path

    # session-bind@openssh.com: the agent uses such a key for this server only.
    def test_a_key_that_the_agent_has_for_this_server_only_signs_in(self):
        key = self.new_key()
        name = f"[{self.server.address}]:{self.server.port}"
        agent = self.start_agent(key, options=["-H", str(self.server.known_hosts), "-h", name])

        self.assert_works(self.start(f"{key}.pub", agent=agent))

    def test_a_key_that_the_agent_has_for_another_server_does_not(self):
        key = self.new_key()
        other = self.start_sshd("other")
        name = f"[{other.address}]:{other.port}"
        agent = self.start_agent(key, options=["-H", str(other.known_hosts), "-h", name])

        self.assert_refused(self.start(f"{key}.pub", agent=agent), "no key|not a private key")

    # No token is at hand, so that the agent is ours; the server that verifies is OpenSSH's.
    def test_a_key_on_a_token_signs_in_through_the_agent(self):
        agent = token_agent.TokenAgent(self.directory / "token")
        self.addCleanup(agent.stop)
        public = self.directory / "id_sk.pub"
        public.write_text(agent.public_line())
        with self.server.authorized_keys.open("a") as file:
            file.write(agent.public_line())

        program = self.start(public, agent=agent.path)

        self.assert_works(program)
        self.assertEqual(len(program.messages("touching its token")), 1)
        self.assertEqual(agent.bindings, 1)

    def test_a_locked_agent_leaves_the_key_files(self):
        agent = self.start_agent(self.new_key("in the agent"))
        subprocess.run(["/usr/bin/ssh-add", "-x"], check=True, timeout=10,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       env={**rig.clean_environment(), "SSH_AUTH_SOCK": agent,
                            **self.askpass("lock", "lock").environment()})

        self.assert_works(self.start(self.new_key(), agent=agent))


if __name__ == "__main__":
    tap.main()
