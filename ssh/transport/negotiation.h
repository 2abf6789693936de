#pragma once
// Which algorithms two KEXINITs come to (RFC 4253 7.1). A pure function of the two messages.

#include <optional>
#include <string>
#include <string_view>

#include "ssh/crypto/aead.h"
#include "ssh/crypto/mac.h"
#include "ssh/error.h"
#include "ssh/transport/algorithms.h"
#include "ssh/transport/kexinit.h"

namespace caponier::ssh {

struct Negotiated {
    const KexMethod* kex = nullptr;
    std::string host_key;
    CipherAlgorithm cipher_client_to_server{};
    CipherAlgorithm cipher_server_to_client{};
    /// Empty where the cipher brings its own authentication.
    std::optional<MacAlgorithm> mac_client_to_server;
    std::optional<MacAlgorithm> mac_server_to_client;
    /// RFC 4253 7: a guessed first packet is right if both sides prefer the same kex method and the
    /// same host key algorithm.
    bool same_first_choices = false;
};

/// Fails with no_common_kex and its relatives.
[[nodiscard]] Result<Negotiated> negotiate(const KexInit& client, const KexInit& server);

/// The server's list that led to a failed negotiation, for the message to the user.
[[nodiscard]] std::string_view list_of(ErrorCode failure, const KexInit& peer) noexcept;

/// Both sides named themselves as taking part in strict key exchange.
[[nodiscard]] bool offers_strict_kex(const KexInit& message, Role sender) noexcept;
/// The peer would like SSH_MSG_EXT_INFO (RFC 8308 2.1).
[[nodiscard]] bool offers_ext_info(const KexInit& message, Role sender) noexcept;

/// What `role` puts behind the methods of its first KEXINIT.
[[nodiscard]] std::span<const std::string> first_kexinit_markers(Role role);

}  // namespace caponier::ssh
