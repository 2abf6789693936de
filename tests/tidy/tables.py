"""What tidy.py enforces, as data: who may include what, and which sources have no unit test."""

STD = "the standard library"
POSIX = "POSIX and Linux headers"

# Folder or file prefix -> what it may include, and why. The longest prefix that fits a file decides.
# A name that ends in "/" is a folder of ours or of a dependency; any other is one header.
INCLUDE_TABLE = {
    "ssh/": (
        [STD, "tl/expected.hpp", "ssh/"],
        "the protocol core does no I/O and knows nobody above it; OpenSSL is for ssh/crypto/, libssh2 "
        "for ssh/libssh2_*"),
    "ssh/crypto/": (
        [STD, "tl/expected.hpp", "ssh/", "openssl/", "intel-ipsec-mb.h"],
        "the only code that names a cryptographic library, and it does no I/O either"),
    "ssh/crypto/cpu_": (
        [STD, "ssh/", "sys/auxv.h", "asm/hwcap.h"],
        "asks which instructions the processor has, and nothing else"),
    "ssh/crypto/secret_memory.cpp": (
        [STD, "ssh/", "sys/mman.h", "unistd.h"],
        "asks the kernel to lock the memory of secrets, and for nothing else"),
    "ssh/libssh2_": (
        [STD, POSIX, "tl/expected.hpp", "ssh/", "libssh2.h"],
        "the one session over libssh2, which wants a descriptor as a dummy"),
    "engine/io/": (
        [STD, POSIX, "tl/expected.hpp", "engine/io/"],
        "the event loop knows no SSH; liburing is for uring_*, epoll for epoll_*"),
    "engine/io/uring_": (
        [STD, POSIX, "tl/expected.hpp", "engine/io/", "liburing.h", "liburing/"],
        "the io_uring backend knows no SSH and no epoll"),
    "engine/io/epoll_": (
        [STD, POSIX, "tl/expected.hpp", "engine/io/", "sys/epoll.h"],
        "the epoll backend knows no SSH and no io_uring"),
    "engine/relay/": (
        [STD, "tl/expected.hpp", "ssh/", "engine/io/", "engine/relay/"],
        "the relay makes no system call (it asks the Loop) and knows nothing of files and people"),
    "engine/client/": (
        [STD, POSIX, "tl/expected.hpp", "fmt/", "ssh/", "engine/"],
        "the client is below the programs"),
}

# Headers that count as POSIX by their form but belong to one backend.
RESERVED = {
    "sys/epoll.h": "engine/io/epoll_",
    "linux/io_uring.h": "engine/io/uring_",
    "liburing.h": "engine/io/uring_",
}

# Of the standard library, what a folder must do without.
FORBIDDEN_STD = {
    "ssh/": (
        ["thread", "mutex", "shared_mutex", "condition_variable", "future", "atomic", "fstream",
         "iostream", "filesystem", "random"],
        "ssh/ has no thread, no file, no random source and no log line: what it needs is given to it"),
    "engine/relay/": (
        ["fstream", "iostream", "filesystem"],
        "the relay opens no file and prints nothing"),
}

# Files that may have what their folder does without, and why.
ALLOWED_STD = {
    "ssh/crypto/secret_memory.cpp": (
        ["mutex"],
        "sessions of several threads take their secrets' memory from one arena"),
}

# Files that start threads by themselves; they ask whether it was refused.
STARTS_THREADS = {
    "engine/client/start_thread.h",
    "engine/client/resolve.cpp",  # detached, which std::thread is only after it has started
}

# Folders that ssh/ keeps to itself. Others see session.h and what it includes, and the files of
# keys/, wire/ and crypto/ that reading and using a key takes.
PRIVATE_FOLDERS = {
    "ssh/": ["ssh/transport/", "ssh/auth/", "ssh/connection/"],
}

# Sources (or patterns of them) without a test of their name in tests/unit, and why that is right.
LOOP_SUITE = "tests/loop runs one contract suite over every backend"
SESSION = "tests/interop/session runs it against a real server, over a socket pair"
PROGRAM = "tests/interop drives the whole program"
SPEC = "tests/spec drives it message by message from a scripted peer, and tests/sim/pair_test.cpp"
OTHER_MACHINE = "built on another kind of machine only, or asks the processor and decides nothing"
WITHOUT_UNIT_TEST = {
    "engine/io/epoll_*.cpp": LOOP_SUITE,
    "engine/io/uring_*.cpp": LOOP_SUITE,
    "engine/io/completion.cpp": LOOP_SUITE,
    "engine/io/loop.cpp": LOOP_SUITE,
    "engine/io/socket_calls.cpp": LOOP_SUITE,
    "engine/client/forwarder.cpp": PROGRAM,
    "engine/client/shard_threads.cpp": "tests/loop/shards_test.cpp runs the relay on them",
    "engine/relay/listeners.cpp": "relay_test.cpp tests it through the relay",
    "engine/relay/shard.cpp": "relay_test.cpp tests the first shard, tests/sim several",
    "engine/client/terminal_prompt.cpp": "tests/interop/password_test.py drives it on a terminal",
    "engine/client/option_words.cpp": "settings_test.cpp tests it through the options",
    "ssh/libssh2_*.cpp": SESSION,
    "ssh/auth/auth_client.cpp": SPEC,
    "ssh/auth/auth_server.cpp": SPEC,
    "ssh/auth/keyboard_interactive_method.cpp": SPEC,
    "ssh/auth/password_method.cpp": SPEC,
    "ssh/auth/public_key_method.cpp": SPEC,
    "ssh/connection/channel_messages.cpp": SPEC,
    "ssh/connection/connection_layer.cpp": SPEC,
    "ssh/connection/global_requests.cpp": SPEC,
    "ssh/connection/open_messages.cpp": SPEC,
    "ssh/native_session.cpp": SPEC,
    "ssh/transport/algorithms.cpp": SPEC,
    "ssh/transport/dh_agreement.cpp": SPEC,
    "ssh/transport/ecdh_agreement.cpp": SPEC,
    "ssh/transport/key_exchange.cpp": SPEC,
    "ssh/transport/packet_sealer.cpp": "packet_opener_test.cpp opens what it seals",
    "ssh/transport/transport.cpp": SPEC,
    "ssh/crypto/cpu_*.cpp": OTHER_MACHINE,
    "ssh/crypto/ipsec_mb_absent.cpp": OTHER_MACHINE,
}
