#pragma once
// Inputs to start from, written as what they mean. They are no files, so that they stay readable
// and follow the code; what a fuzzer found beyond them is in corpus/.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace caponier::fuzz {

struct Seed {
    std::string name;
    std::vector<std::byte> input;
};

/// The seeds of the target with this name; none for a name that is no target's.
[[nodiscard]] std::vector<Seed> seeds_of(std::string_view target);

// What seeds_of() chooses from, a function for each target.
[[nodiscard]] std::vector<Seed> identification_seeds();
[[nodiscard]] std::vector<Seed> packet_opener_seeds();
[[nodiscard]] std::vector<Seed> kexinit_seeds();
[[nodiscard]] std::vector<Seed> kex_reply_seeds();
[[nodiscard]] std::vector<Seed> client_handshake_seeds();
[[nodiscard]] std::vector<Seed> server_handshake_seeds();
[[nodiscard]] std::vector<Seed> client_stream_seeds();
[[nodiscard]] std::vector<Seed> server_stream_seeds();
[[nodiscard]] std::vector<Seed> client_authentication_seeds();
[[nodiscard]] std::vector<Seed> server_authentication_seeds();
[[nodiscard]] std::vector<Seed> public_key_seeds();
[[nodiscard]] std::vector<Seed> certificate_seeds();
[[nodiscard]] std::vector<Seed> private_key_seeds();
[[nodiscard]] std::vector<Seed> known_hosts_seeds();
[[nodiscard]] std::vector<Seed> agent_answer_seeds();

}  // namespace caponier::fuzz
