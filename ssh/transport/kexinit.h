#pragma once
// SSH_MSG_KEXINIT (RFC 4253 7.1): read and written.

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "ssh/config.h"
#include "ssh/error.h"
#include "ssh/wire/name_list.h"

namespace caponier::ssh {

inline constexpr std::size_t kexinit_cookie_bytes = 16;

/// Views into the payload it was parsed from. Lists of one direction: client to server is "in" for
/// a server and "out" for a client, so they keep the RFC's names.
struct KexInit {
    std::span<const std::byte> cookie;
    NameList kex;
    NameList host_key;
    NameList cipher_client_to_server;
    NameList cipher_server_to_client;
    NameList mac_client_to_server;
    NameList mac_server_to_client;
    NameList compression_client_to_server;
    NameList compression_server_to_client;
    NameList language_client_to_server;
    NameList language_server_to_client;
    bool first_kex_packet_follows = false;
};

/// `payload` with its message number. malformed_message for anything that is not the RFC's layout.
[[nodiscard]] Result<KexInit> parse_kexinit(std::span<const std::byte> payload) noexcept;

/// The payload of our KEXINIT: the same lists in both directions, no compression, no guess.
/// `markers` are the names behind the kex methods that are not methods (ext-info-c,
/// kex-strict-...).
[[nodiscard]] std::vector<std::byte> make_kexinit(const AlgorithmLists& lists,
                                                  std::span<const std::string> markers,
                                                  const RandomSource& random);

}  // namespace caponier::ssh
