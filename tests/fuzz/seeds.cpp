// Which target has which seeds, and those of everything before a session stands.

#include "tests/fuzz/seeds.h"

#include <array>
#include <utility>

#include "ssh/crypto/ctr_hmac.h"
#include "ssh/keys/public_key.h"
#include "ssh/limits.h"
#include "ssh/spoken_algorithms.h"
#include "ssh/transport/algorithms.h"
#include "ssh/transport/kexinit.h"
#include "ssh/transport/negotiation.h"
#include "ssh/wire/bytes.h"
#include "ssh/wire/wire_writer.h"
#include "tests/sim/pair.h"
#include "tests/unit/ssh/test_certificates.h"

namespace caponier::fuzz {

namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<std::uint8_t> values, std::string_view text = {}) {
    Bytes result;
    ssh::WireWriter out{result};
    for (const std::uint8_t value : values) {
        out.byte(value);
    }
    out.fixed(ssh::bytes_of(text));
    return result;
}

struct TargetSeeds {
    std::string_view target;
    std::vector<Seed> (*make)();
};

constexpr std::array targets{
    TargetSeeds{"identification", identification_seeds},
    TargetSeeds{"packet_opener", packet_opener_seeds},
    TargetSeeds{"kexinit", kexinit_seeds},
    TargetSeeds{"kex_reply", kex_reply_seeds},
    TargetSeeds{"client_handshake", client_handshake_seeds},
    TargetSeeds{"server_handshake", server_handshake_seeds},
    TargetSeeds{"client_stream", client_stream_seeds},
    TargetSeeds{"server_stream", server_stream_seeds},
    TargetSeeds{"client_authentication", client_authentication_seeds},
    TargetSeeds{"server_authentication", server_authentication_seeds},
    TargetSeeds{"public_key", public_key_seeds},
    TargetSeeds{"certificate", certificate_seeds},
    TargetSeeds{"private_key", private_key_seeds},
    TargetSeeds{"known_hosts", known_hosts_seeds},
    TargetSeeds{"agent_answer", agent_answer_seeds},
};

}  // namespace

std::vector<Seed> seeds_of(std::string_view target) {
    for (const TargetSeeds& candidate : targets) {
        if (candidate.target == target) {
            return candidate.make();
        }
    }
    return {};
}

std::vector<Seed> identification_seeds() {
    const auto lines = [](std::size_t count) {
        std::string text;
        for (std::size_t i = 0; i < count; ++i) {
            text += "\n";
        }
        return text;
    };
    constexpr std::string_view right = "SSH-2.0-OpenSSH_9.2p1 Debian\r\n";
    return {
        {"client", bytes({0}, right)},
        {"server", bytes({1}, right)},
        {"line_feed_alone", bytes({0}, "SSH-2.0-x\n")},
        {"old_compatible", bytes({1}, "SSH-1.99-x\r\n")},
        {"too_old", bytes({0}, "SSH-1.5-x\r\n")},
        {"lines_before", bytes({0}, "Welcome\r\nto\n\nSSH-2.0-x y z \r\nrest")},
        {"carriage_return_inside", bytes({0}, "SSH-2.0-x\ry\r\n")},
        {"nul", bytes({0}, std::string_view{"SSH-2.0-\0x\r\n", 12})},
        {"longest", bytes({0}, "SSH-2.0-" + std::string(245, 'x') + "\r\n")},
        {"too_long", bytes({0}, "SSH-2.0-" + std::string(247, 'x') + "\r\n")},
        {"long_line_before",
         bytes({0}, std::string(ssh::line_before_identification_bytes_max, 'x') + "\nSSH-2.0-x\n")},
        {"too_long_line_before",
         bytes({0}, std::string(ssh::line_before_identification_bytes_max + 1, 'x') + "\n")},
        {"most_lines_before",
         bytes({0}, lines(ssh::lines_before_identification_max) + "SSH-2.0-x\n")},
        {"too_many_lines_before",
         bytes({0}, lines(ssh::lines_before_identification_max + 1) + "SSH-2.0-x\n")},
    };
}

std::vector<Seed> packet_opener_seeds() {
    std::vector<Seed> seeds;
    // What packet_opener_fuzz.cpp chooses from: no key, the AEADs, counter mode with each MAC.
    const ssh::AlgorithmLists lists = ssh::spoken_algorithms();
    std::size_t choices = 1;
    for (const std::string& cipher : lists.cipher) {
        choices += ssh::needs_mac(*ssh::cipher_of(cipher)) ? lists.mac.size() : 1;
    }
    // Aligned with the length (no key, encrypt-and-MAC) or without it.
    constexpr std::array<std::uint8_t, 2> sizes{12, 16};
    for (std::size_t at = 0; at < choices * sizes.size(); ++at) {
        const auto choice = static_cast<std::uint8_t>(at / sizes.size());
        const std::uint8_t size = sizes[at % sizes.size()];
        const std::string number = std::to_string(at);
        const std::string payload(static_cast<std::size_t>(size) - 1 - 4, 'p');
        const std::string padding(4, '\0');
        Bytes frame = bytes({0, 0, size, 4}, payload + padding);
        Bytes two = bytes({choice, 0});
        two.insert(two.end(), frame.begin(), frame.end());
        two.insert(two.end(), frame.begin(), frame.end());
        seeds.push_back({"two_frames_" + number, two});
        Bytes damaged = bytes({choice, 3, 1, 0, size, 4}, payload + padding);
        for (const int byte : {0, 6, 255}) {
            damaged.push_back(static_cast<std::byte>(byte));
        }
        seeds.push_back({"damaged_" + number, damaged});
        seeds.push_back(
            {"short_padding_" + number, bytes({choice, 0, 0, 0, size, 3}, payload + padding)});
        seeds.push_back({"only_padding_" + number,
                         bytes({choice, 0, 0, 0, size, static_cast<std::uint8_t>(size - 1)},
                               payload + padding)});
        seeds.push_back({"odd_length_" + number, bytes({choice, 0, 0, 0, 7, 4}, "pppppp")});
        seeds.push_back({"raw_" + number,
                         bytes({choice, 5, 2, 0, 16, 0, 0, 0, 12, 4},
                               std::string_view{"ppppppp\0\0\0\0", 11})});
        seeds.push_back(
            {"giant_" + number, bytes({choice, 0, 2, 0, 8, 255, 255, 255, 255}, "xxxx")});
    }
    return seeds;
}

std::vector<Seed> kexinit_seeds() {
    std::vector<Seed> seeds;
    sim::Random random{3};
    for (const ssh::Role role : {ssh::Role::client, ssh::Role::server}) {
        const auto number = static_cast<std::uint8_t>(role == ssh::Role::client ? 0 : 1);
        const Bytes payload = ssh::make_kexinit(ssh::with_defaults(ssh::SessionConfig{}),
                                                ssh::first_kexinit_markers(role),
                                                sim::random_source(random));
        Bytes input = bytes({number});
        input.insert(input.end(), payload.begin(), payload.end());
        seeds.push_back({"ours_" + std::to_string(number), input});
        for (const std::string_view only : {"kex", "host_key", "cipher"}) {
            ssh::AlgorithmLists lists = ssh::with_defaults(ssh::SessionConfig{});
            auto& list = only == "kex"      ? lists.kex
                         : only == "cipher" ? lists.cipher
                                            : lists.host_key;
            list = {"nobody@example.com"};
            const Bytes other = ssh::make_kexinit(lists, {}, sim::random_source(random));
            Bytes strange = bytes({number});
            strange.insert(strange.end(), other.begin(), other.end());
            seeds.push_back({"no_common_" + std::string{only} + std::to_string(number), strange});
        }
    }
    return seeds;
}

std::vector<Seed> kex_reply_seeds() {
    std::vector<Seed> seeds;
    for (std::uint8_t method = 0; method < ssh::kex_methods().size(); ++method) {
        const std::string number = std::to_string(method);
        seeds.push_back({"right_reply_" + number, bytes({method, 2})});
        seeds.push_back({"right_init_" + number, bytes({method, 3})});
        seeds.push_back({"changed_reply_" + number, bytes({method, 2, 0, 60, 1})});
        seeds.push_back({"changed_init_" + number, bytes({method, 3, 0, 6, 1})});
        seeds.push_back({"short_reply_" + number, bytes({method, 4, 0, 100})});
        seeds.push_back({"long_reply_" + number, bytes({method, 4, 7, 255})});
        seeds.push_back({"empty_value_" + number, bytes({method, 1, 30, 0, 0, 0, 0})});
        seeds.push_back({"no_init_" + number, bytes({method, 1})});
        seeds.push_back({"no_reply_" + number, bytes({method, 0, 31})});
        seeds.push_back({"group_request_" + number,
                         bytes({method, 5, 34, 0, 0, 8, 0, 0, 0, 12, 0, 0, 0, 32, 0})});
        seeds.push_back({"no_group_" + number, bytes({method, 6, 31, 0, 0, 0, 0, 0, 0, 0, 1, 2})});
        Bytes zero_point = bytes({method, 1, 30, 0, 0, 0, 32});
        zero_point.resize(zero_point.size() + 32);
        seeds.push_back({"zero_point_" + number, zero_point});
    }
    const ssh::Result<ssh::PublicKeyText> certificate =
        ssh::parse_public_key_line(ssh::test_certificates::host_ed25519);
    Bytes reply = bytes({0, 7, 31});
    ssh::WireWriter out{reply};
    out.string(certificate ? certificate->blob : Bytes{});
    out.string(Bytes(32, std::byte{9}));
    Bytes signature;
    ssh::WireWriter inner{signature};
    inner.text("ssh-ed25519");
    inner.string(Bytes(64));
    out.string(signature);
    seeds.push_back({"certificate", reply});
    seeds.push_back({"no_certificate", bytes({0, 7, 31})});
    return seeds;
}

}  // namespace caponier::fuzz
