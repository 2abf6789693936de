#!/usr/bin/env python3
"""Takes the guards of the native session out, one at a time, and prints which tests notice.

usage: tests/spec/remove_guards.py BUILD [WORD]
       tests/spec/remove_guards.py --check

BUILD is a meson build folder in which `spec`, `unit-ssh` and `sim-pair` are built. Each guard is a piece of text
in a source file and what stands in its place when it is gone; the file is compiled again as BUILD
compiles it, linked into a copy of `spec`, and the suite is run without the floods. The same is done
with bugs that only the simulation is to find. What nobody misses makes the script fail. With WORD
only the guards whose description has it are taken. With --check nothing is built: every guard has to
stand where this file says, so that a change that moves one takes this list along. That is a test.
"""

import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

CONNECTION = "ssh/connection/connection_layer.cpp"
MESSAGES = "ssh/connection/channel_messages.cpp"
REQUESTS = "ssh/connection/global_requests.cpp"
TRANSPORT = "ssh/transport/transport.cpp"
TABLE = "ssh/transport/message_table.cpp"
CLIENT = "ssh/auth/auth_client.cpp"
SERVER = "ssh/auth/auth_server.cpp"

# What it guards, the file, the text, what is left of it.
GUARDS = [
    ("a data string above our maximum packet", MESSAGES,
     "    if (bytes > config_.packet_bytes) {\n        return failure(ErrorCode::maximum_packet_exceeded, bytes);\n    }\n"
     "    // RFC 4254 5.3", "    // RFC 4254 5.3"),
    ("data behind an EOF", MESSAGES,
     "    if (channel.eof_received) {", "    if (false) {"),
    ("a message for a channel that the peer closed", MESSAGES,
     "        return channel->close_received ? nullptr : channel;", "        return channel;"),
    ("a message for a channel that never was", MESSAGES,
     "    if (channels_.was_released(id)) {", "    if (true) {"),
    ("a message for a number that is not the next channel's yet", MESSAGES,
     "channel != nullptr && channel->phase == ChannelPhase::open &&\n                         !channel->pending.confirmation;",
     "channel != nullptr;"),
    ("a confirmation of what is not opening", MESSAGES,
     "channel == nullptr || channel->phase != ChannelPhase::opening", "channel == nullptr"),
    ("replies to channel requests after our CLOSE", MESSAGES,
     "    if (want_reply && !channel.close_sent) {", "    if (want_reply) {"),
    ("refusals that wait", MESSAGES,
     "    if (refusals_.size() >= replies_held_back_max) {", "    if (false) {"),
    ("replies to global requests that wait", REQUESTS,
     "        if (others_asked_ == replies_held_back_max) {", "        if (false) {"),
    ("requests for forwards that wait", REQUESTS,
     "what == What::listen   ? forwards_.in_use() + listens_arrived_ < forwards_max",
     "what == What::listen   ? true"),
    ("cancels that wait", REQUESTS,
     "what == What::cancel ? cancels_asked_ < forwards_max", "what == What::cancel ? true"),
    ("the order of replies", REQUESTS,
     "        if (first.state == Asked::State::told) {\n            return;\n        }\n",
     "        if (first.state == Asked::State::told) {\n"
     "            asked_.push_back(std::move(first));\n            asked_.pop_front();\n"
     "            return;\n        }\n"),
    ("a port that the server did not tell", REQUESTS,
     "        if (!in.ok() || port == 0 || port > UINT16_MAX) {", "        if (false) {"),
    ("a forward that is listened on already", REQUESTS,
     "        id = id ? std::nullopt : forwards_.claim({asked.kind, asked.host, asked.port});",
     "        id = forwards_.claim({asked.kind, asked.host, asked.port});"),
    ("a channel of no forward", MESSAGES,
     "        if (!forward) {", "        if (false) {"),
    ("a channel of a forward that was cancelled", "ssh/connection/forwards.cpp",
     "is_known_to_both && !forward.cancelled && forward.kind == kind &&",
     "is_known_to_both && forward.kind == kind &&"),
    ("a channel of a forward at an unknown port", "ssh/connection/forwards.cpp",
     "    if (kind == ForwardAddress::Kind::tcpip && port == 0) {", "    if (false) {"),
    ("a channel of another address", "ssh/connection/forwards.cpp",
     "forward.port == port && forward.host == host", "forward.port == port"),
    ("a channel of a forward before its request", "ssh/connection/forwards.cpp",
     "forward.phase != ForwardPhase::free && forward.phase != ForwardPhase::waiting;",
     "forward.phase != ForwardPhase::free;"),
    ("what a client does not serve", MESSAGES,
     "    if (forwarded != (config_.role == Role::client)) {", "    if (false) {"),
    ("an adjust behind an EOF or CLOSE", CONNECTION,
     "!channel.eof_received && !channel.close_sent && !channel.close_received;", "true;"),
    ("the peer's maximum packet when sending", CONNECTION,
     "                                            std::size_t{channel->packet_bytes_max}});",
     "                                            std::size_t{maximum_packet_bytes}});"),
    ("the window of the peer", "ssh/connection/receive_window.h",
     "        if (bytes > open_) {", "        if (false) {"),
    ("a window above the largest", "ssh/connection/send_window.h",
     "        if (bytes > UINT32_MAX - bytes_) {", "        if (false) {"),
    ("the first packet in strict key exchange", TRANSPORT,
     "        if (strict_ && packet.sequence != 0) {", "        if (false) {"),
    ("strict key exchange", TABLE,
     "        return strict ? Verdict::disconnect : Verdict::process;",
     "        return Verdict::process;"),
    ("sequence numbers in strict key exchange", TRANSPORT,
     "    if (strict_) {\n        opener_.reset_sequence();\n    }\n", ""),
    ("a second KEXINIT", TRANSPORT,
     "    if (peer_kexinit_came_ || (!first && state_ != ProtocolState::open)) {",
     "    if (false) {"),
    ("the host key of a rekey", TRANSPORT,
     "    if (!std::ranges::equal(host_key_, host_key)) {", "    if (false) {"),
    ("a NEWKEYS out of place", TRANSPORT,
     "    if (phase_ != KexPhase::newkeys_awaited || payload.size() != 1) {",
     "    if (phase_ != KexPhase::newkeys_awaited) {"),
    ("packets before the keys", TRANSPORT,
     "    if (session_id_.empty() && packet.sequence >= packets_before_keys_max) {",
     "    if (false) {"),
    ("messages between our KEXINIT and NEWKEYS", TRANSPORT,
     "           (phase_ == KexPhase::idle || phase_ == KexPhase::newkeys_awaited);",
     "           true;"),
    ("pongs that wait", TRANSPORT,
     "    if (pongs_.size() == replies_held_back_max || data.size() > ping_bytes_max) {",
     "    if (data.size() > ping_bytes_max) {"),
    ("the signature over the exchange hash", "ssh/transport/key_exchange.cpp",
     "    if (!signature_fits(signature)) {", "    if (!signature_fits(signature) && false) {"),
    ("the size of a host key", "ssh/transport/key_exchange.cpp",
     "    if (host_key.size() > host_key_bytes_max) {", "    if (false) {"),
    ("the size of a user's key", CLIENT,
     "    if (key.blob.size() > public_key_blob_bytes_max) {", "    if (false) {"),
    ("the bounds of a packet", "ssh/transport/packet_opener.cpp",
     "    if (length < packet_length_min || length > packet_length_max) {", "    if (false) {"),
    ("the tag of a packet", "ssh/transport/packet_opener.cpp",
     "    if (aead_ && !aead_->open(sequence_, packet)) {",
     "    if (aead_ && !aead_->open(sequence_, packet) && false) {"),
    ("connection messages before authentication", TABLE,
     "        return number >= 80 ? Verdict::disconnect : Verdict::unimplemented;",
     "        return Verdict::unimplemented;"),
    ("messages of the login before the keys", TABLE,
     "    default:\n        return Verdict::disconnect;\n    }\n}\n\n/// Keys are on",
     "    default:\n        return Verdict::unimplemented;\n    }\n}\n\n/// Keys are on"),
    ("other messages behind the peer's KEXINIT", TRANSPORT,
     "    if (state_ == ProtocolState::open && peer_kexinit_came_) {", "    if (false) {"),
    ("a success that nobody waits for", CLIENT,
     "    if (!server_owes_verdict() || phase_ == Phase::query_sent) {\n        return failure(ErrorCode::unexpected_message, MessageNumber::userauth_success);",
     "    if (false) {\n        return failure(ErrorCode::unexpected_message, MessageNumber::userauth_success);"),
    ("a PK_OK for another key", CLIENT,
     "    if (!same) {", "    if (false) {"),
    ("rounds of prompts", CLIENT,
     "    if (++rounds_ > prompt_rounds_max) {", "    if (false) {"),
    ("messages of a login", CLIENT,
     "    if (++messages_ > authentication_messages_max) {", "    if (false) {"),
    ("bytes of banners", CLIENT,
     "    if (banners_bytes_ > banners_bytes_max) {", "    if (false) {"),
    ("an EXT_INFO in the middle", CLIENT,
     "    if (success_must_follow_ && message.number != MessageNumber::userauth_success) {",
     "    if (false) {"),
    ("the client's signature", SERVER,
     "        if (!bound_to_us || verification != Verification::valid) {",
     "        if (!bound_to_us) {"),
    ("a signature for another host", SERVER,
     "        if (!bound_to_us || verification != Verification::valid) {",
     "        if (verification != Verification::valid) {"),
]

# The same for `unit-ssh`: what keys and certificates are held to.
CERTIFICATE = "ssh/keys/certificate.cpp"
KNOWN_HOSTS = "ssh/keys/known_hosts.cpp"
KEY_GUARDS = [
    ("a certificate for users as a host's", CERTIFICATE,
     "    if (certificate.role != CertificateRole::host) {", "    if (false) {"),
    ("a certificate before its time", CERTIFICATE,
     "    if (question.now_s < certificate.valid_after_s) {", "    if (false) {"),
    ("a certificate after its time", CERTIFICATE,
     "    if (question.now_s >= certificate.valid_before_s) {", "    if (false) {"),
    ("a certificate for nobody", CERTIFICATE,
     "    if (certificate.principals.empty()) {\n        return no_principals;\n    }\n", ""),
    ("a certificate for another host", CERTIFICATE,
     "    if (!lists_host(certificate, question.host)) {", "    if (false) {"),
    ("a critical option of a certificate", CERTIFICATE,
     "    if (!certificate.critical_options.empty()) {", "    if (false) {"),
    ("the algorithm of a CA", CERTIFICATE,
     '    if (algorithm == "ssh-rsa" || std::ranges::find(question.ca_signature_algorithms, algorithm) ==\n'
     "                                      question.ca_signature_algorithms.end()) {", "    if (false) {"),
    ("the signature of a CA", CERTIFICATE,
     "    return verify_ca_signature(certificate) == Verification::valid ? valid : wrong_signature;",
     "    return valid;"),
    ("a certificate as a CA key", CERTIFICATE,
     "        if (const std::optional<Error> error = error_of_plain_key(key)) {",
     "        if (const std::optional<Error> error = error_of_plain_key(key); false) {"),
    ("a revoked key", KNOWN_HOSTS,
     "    if (const Entry* const revoked = find_revoked(key)) {",
     "    if (const Entry* const revoked = find_revoked(key); false) {"),
    ("a revoked authority, or a revoked key in a certificate", KNOWN_HOSTS,
     "        if (const Entry* const revoked = find_revoked(key)) {\n"
     "            return {.status = Status::revoked, .recorded = &revoked->key};\n        }\n    }\n"
     "    const std::vector<std::byte> authority", "    }\n    const std::vector<std::byte> authority"),
    ("an authority's key as a host's own", KNOWN_HOSTS,
     "        if (entry.marker != Marker::none || verdict.status == Status::matched) {",
     "        if (verdict.status == Status::matched) {"),
    ("a host's own key as an authority", KNOWN_HOSTS,
     "        if (entry.marker == Marker::cert_authority &&\n", "        if ("),
    ("a marker that nobody knows", KNOWN_HOSTS,
     "            skip(SkippedLine::Reason::unknown_marker);\n            return;",
     "            skip(SkippedLine::Reason::unknown_marker);"),
    ("the order of a certificate's options", CERTIFICATE,
     "        if (!options.empty() && name <= options.back().name) {", "        if (false) {"),
]

# The same for `sim-pair`: bugs in what is sent, which a peer of the same make has to find.
BUGS = [
    ("a window that is used up twice", CONNECTION,
     "        channel->send_window.take(static_cast<std::uint32_t>(piece));",
     "        channel->send_window.take(static_cast<std::uint32_t>(piece));\n"
     "        channel->send_window.take(std::min(static_cast<std::uint32_t>(piece),\n"
     "                                           channel->send_window.bytes()));"),
    ("a cut channel that is told as ended", MESSAGES,
     "        events_.push(ChannelClosed{id, !channel.eof_received});",
     "        events_.push(ChannelClosed{id, false});"),
    ("a number that is reused too early", CONNECTION,
     "    if (channel.close_received && channel.close_sent && !channel.pending.close) {",
     "    if (channel.close_sent && !channel.pending.close) {"),
    ("a byte that is sent again", CONNECTION,
     "        taken += piece;", "        taken += piece > 50 ? piece - 1 : piece;"),
    ("data in the middle of a rekey", CONNECTION,
     "        if (!transport_.is_open_for_messages() || transport_.outbox().bytes() >= outbox_bytes_max) {",
     "        if (transport_.outbox().bytes() >= outbox_bytes_max) {"),
    ("credit that is forgotten", "ssh/connection/receive_window.h",
     "        credit_ = 0;\n        return bytes;",
     "        credit_ = 0;\n        return bytes > 1 ? bytes - 1 : bytes;"),
]


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def commands_of(build, target):
    return run(["ninja", "-C", str(build), "-t", "commands", target]).stdout.splitlines()


def compile_without(build, source, old, new, folder):
    """The objects that change: of the file itself, or of the source files that include the header."""
    text = (ROOT / source).read_text()
    if text.count(old) < 1:
        sys.exit(f"{source} has no such guard any more:\n{old}")
    copy = folder / source
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(text.replace(old, new, 1))
    wanted = (CONNECTION, MESSAGES) if source.endswith(".h") else (source,)
    objects = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        name = next((each for each in wanted if entry["file"].endswith(each)), None)
        if name is None:
            continue
        command = [word for word in shlex.split(entry["command"])]
        output = command.index("-o") + 1
        objects.append(str(folder / f"changed{len(objects)}.o"))
        command[output] = objects[-1]
        if not source.endswith(".h"):
            command = [str(copy) if word.endswith(name) else word for word in command]
        # The copy stands in front of the original; a guard that is gone may leave a name unused.
        first = 2 if command[0].endswith("ccache") else 1
        command[first:first] = [f"-I{folder}"]
        command += ["-Wno-error", "-O0"]
        done = run(command, cwd=entry["directory"])
        if done.returncode != 0:
            sys.exit(done.stderr)
    if len(objects) != len(wanted):
        sys.exit(f"{wanted} are not compiled in {build}")
    return objects


def link(build, folder, target, objects):
    command = shlex.split(commands_of(build, target)[-1])
    output = command.index("-o") + 1
    command[output] = str(folder / "changed")
    # An object of the same name in front of the library keeps the library's own from being taken.
    command[output + 1:output + 1] = objects
    done = run(command, cwd=build)
    if done.returncode != 0:
        sys.exit(done.stderr)


def tests_that_fail(folder):
    try:
        done = run([str(folder / "changed"), "--gtest_filter=-*Flood*:LongStream*"], timeout=120,
                   env=os.environ | {"CAPONIER_SEEDS": "500"})
    except subprocess.TimeoutExpired:
        return ["(it never ended)"]
    failed = [line.split()[3].rstrip(",") for line in done.stdout.splitlines()
              if line.startswith("[  FAILED  ]") and line.endswith("ms)")]
    return failed or ([] if done.returncode == 0 else [f"(it ended with {done.returncode})"])


def check():
    """As TAP: each text is in its file."""
    cases = GUARDS + KEY_GUARDS + BUGS
    failed = 0
    print(f"TAP version 13\n1..{len(cases)}")
    for number, (what, source, old, _) in enumerate(cases, 1):
        count = (ROOT / source).read_text().count(old) if (ROOT / source).exists() else 0
        failed += count == 0
        print(f"{'ok' if count else 'not ok'} {number} - the guard of {what} is in {source}")
        if count == 0:
            print("# it is not there any more:")
            print("".join(f"# {line}\n" for line in old.splitlines()), end="")
    return 1 if failed else 0


def main():
    if sys.argv[1:] == ["--check"]:
        sys.exit(check())
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    word = sys.argv[2] if len(sys.argv) == 3 else ""
    missed = 0
    cases = [("tests/spec/spec", *guard) for guard in GUARDS]
    cases += [("tests/unit/ssh/unit-ssh", *guard) for guard in KEY_GUARDS]
    cases += [("tests/sim/sim-pair", *bug) for bug in BUGS]
    for target, what, source, old, new in cases:
        if word not in what:
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            objects = compile_without(build, source, old, new, folder)
            link(build, folder, target, objects)
            failed = tests_that_fail(folder)
        missed += not failed
        print(f"{'caught' if failed else 'MISSED'}: {what}", flush=True)
        for test in failed[:3]:
            print(f"    {test}", flush=True)
        if len(failed) > 3:
            print(f"    and {len(failed) - 3} more", flush=True)
    sys.exit(1 if missed else 0)


main()
