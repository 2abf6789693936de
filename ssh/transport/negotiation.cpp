// The first name on the client's list that is also on the server's, eight times over.

#include "ssh/transport/negotiation.h"

#include <array>

#include "ssh/crypto/ctr_hmac.h"

namespace caponier::ssh {

namespace {

constexpr std::string_view strict_client = "kex-strict-c-v00@openssh.com";
constexpr std::string_view strict_server = "kex-strict-s-v00@openssh.com";
constexpr std::string_view ext_info_client = "ext-info-c";
constexpr std::string_view ext_info_server = "ext-info-s";

tl::unexpected<Error> failure(ErrorCode code) {
    return tl::unexpected{Error{code}};
}

/// The first method of the client that the server has, too. A marker is never one, because the
/// table of methods has no row for it.
const KexMethod* common_kex(const KexInit& client, const KexInit& server) noexcept {
    for (const std::string_view name : client.kex) {
        const KexMethod* method = kex_method(name);
        if (method != nullptr && server.kex.contains(name)) {
            return method;
        }
    }
    return nullptr;
}

/// The MAC of one direction, where its cipher needs one. Otherwise it does not matter whether there
/// is a common one: the lists may be empty, and nobody follows RFC 5647 5.1 in naming the AEAD
/// there as well.
std::optional<MacAlgorithm> common_mac(CipherAlgorithm cipher,
                                       const NameList& client,
                                       const NameList& server) {
    const auto name = needs_mac(cipher) ? client.first_common(server) : std::nullopt;
    return name ? mac_of(*name) : std::nullopt;
}

bool same_first(const NameList& a, const NameList& b) noexcept {
    return !a.empty() && !b.empty() && *a.begin() == *b.begin();
}

}  // namespace

Result<Negotiated> negotiate(const KexInit& client, const KexInit& server) {
    Negotiated result;
    result.kex = common_kex(client, server);
    if (result.kex == nullptr) {
        return failure(ErrorCode::no_common_kex);
    }
    const auto host_key = client.host_key.first_common(server.host_key);
    if (!host_key) {
        return failure(ErrorCode::no_common_host_key);
    }
    result.host_key = *host_key;
    const auto up = client.cipher_client_to_server.first_common(server.cipher_client_to_server);
    const auto down = client.cipher_server_to_client.first_common(server.cipher_server_to_client);
    const auto cipher_up = up ? cipher_of(*up) : std::nullopt;
    const auto cipher_down = down ? cipher_of(*down) : std::nullopt;
    if (!cipher_up || !cipher_down) {
        return failure(ErrorCode::no_common_cipher);
    }
    result.cipher_client_to_server = *cipher_up;
    result.cipher_server_to_client = *cipher_down;
    result.mac_client_to_server =
        common_mac(*cipher_up, client.mac_client_to_server, server.mac_client_to_server);
    result.mac_server_to_client =
        common_mac(*cipher_down, client.mac_server_to_client, server.mac_server_to_client);
    if (needs_mac(*cipher_up) != result.mac_client_to_server.has_value() ||
        needs_mac(*cipher_down) != result.mac_server_to_client.has_value()) {
        return failure(ErrorCode::no_common_mac);
    }
    const bool none_up = client.compression_client_to_server.contains("none") &&
                         server.compression_client_to_server.contains("none");
    const bool none_down = client.compression_server_to_client.contains("none") &&
                           server.compression_server_to_client.contains("none");
    if (!none_up || !none_down) {
        return failure(ErrorCode::no_common_compression);
    }
    result.same_first_choices =
        same_first(client.kex, server.kex) && same_first(client.host_key, server.host_key);
    return result;
}

std::string_view list_of(ErrorCode failure, const KexInit& peer) noexcept {
    switch (failure) {
    case ErrorCode::no_common_kex:
        return peer.kex.text();
    case ErrorCode::no_common_host_key:
        return peer.host_key.text();
    case ErrorCode::no_common_cipher:
        return peer.cipher_server_to_client.text();
    case ErrorCode::no_common_mac:
        return peer.mac_server_to_client.text();
    case ErrorCode::no_common_compression:
        return peer.compression_server_to_client.text();
    default:
        return {};
    }
}

bool offers_strict_kex(const KexInit& message, Role sender) noexcept {
    return message.kex.contains(sender == Role::client ? strict_client : strict_server);
}

bool offers_ext_info(const KexInit& message, Role sender) noexcept {
    return message.kex.contains(sender == Role::client ? ext_info_client : ext_info_server);
}

std::span<const std::string> first_kexinit_markers(Role role) {
    static const std::array<std::string, 2> client{std::string{ext_info_client},
                                                   std::string{strict_client}};
    static const std::array<std::string, 1> server{std::string{strict_server}};
    return role == Role::client ? std::span<const std::string>{client}
                                : std::span<const std::string>{server};
}

}  // namespace caponier::ssh
