// The table, as rules over ranges of numbers: RFC 4250 4.1.2 assigns them, RFC 4253 7.1 and 11,
// RFC 4252 6 and RFC 4254 say when.

#include "ssh/transport/message_table.h"

#include "ssh/wire/message_numbers.h"

namespace caponier::ssh {

namespace {

enum class Kind : std::uint8_t {
    invalid,         ///< 0 is not a message number
    disconnect,      ///< 1
    generic,         ///< ignore, unimplemented, debug
    service,         ///< 5, 6
    ext_info,        ///< 7
    newcompress,     ///< 8, never negotiated
    kexinit,         ///< 20
    newkeys,         ///< 21
    kex_method,      ///< 30 to 49
    authentication,  ///< 50 to 53
    method,          ///< 60 to 79, "authentication method specific"
    connection,      ///< 80 to 100, as far as assigned
    ping,            ///< 192, 193
    unknown,
};

Kind kind_of(std::uint8_t number) noexcept {
    switch (number) {
    case 0:
        return Kind::invalid;
    case 1:
        return Kind::disconnect;
    case 2:
    case 3:
    case 4:
        return Kind::generic;
    case 5:
    case 6:
        return Kind::service;
    case 7:
        return Kind::ext_info;
    case 8:
        return Kind::newcompress;
    case 20:
        return Kind::kexinit;
    case 21:
        return Kind::newkeys;
    case 80:
    case 81:
    case 82:
        return Kind::connection;
    case 192:
    case 193:
        return Kind::ping;
    default:
        break;
    }
    if (number >= 30 && number <= 49) {
        return Kind::kex_method;
    }
    if (number >= 50 && number <= 53) {
        return Kind::authentication;
    }
    if (number >= 60 && number <= 79) {
        return Kind::method;
    }
    if (number >= 90 && number <= 100) {
        return Kind::connection;
    }
    return Kind::unknown;
}

/// Both initial key exchanges: what is not key exchange has no business there.
Verdict in_initial_kex(Kind kind, bool strict) noexcept {
    switch (kind) {
    case Kind::disconnect:
    case Kind::kexinit:
    case Kind::kex_method:
    case Kind::newkeys:
        return Verdict::process;
    case Kind::generic:
        // Strict key exchange: even SSH_MSG_IGNORE would shift the sequence numbers.
        return strict ? Verdict::disconnect : Verdict::process;
    case Kind::unknown:
        return strict ? Verdict::disconnect : Verdict::unimplemented;
    default:
        return Verdict::disconnect;
    }
}

/// Keys are on, the user is not authenticated.
Verdict before_authentication(Role receiver,
                              ProtocolState state,
                              Kind kind,
                              std::uint8_t number) noexcept {
    const bool in_service = state == ProtocolState::service;
    switch (kind) {
    case Kind::disconnect:
    case Kind::generic:
    case Kind::ext_info:
        return Verdict::process;
    case Kind::service: {
        const auto expected = receiver == Role::client ? MessageNumber::service_accept
                                                       : MessageNumber::service_request;
        const bool fits = number == static_cast<std::uint8_t>(expected);
        return in_service && fits ? Verdict::process : Verdict::disconnect;
    }
    case Kind::authentication: {
        // A client hears failure, success and banner; a server hears requests.
        const bool request = number == static_cast<std::uint8_t>(MessageNumber::userauth_request);
        const bool fits = request == (receiver == Role::server);
        return !in_service && fits ? Verdict::process : Verdict::disconnect;
    }
    case Kind::method: {
        const bool reply_of_client =
            number == static_cast<std::uint8_t>(MessageNumber::userauth_info_response);
        const bool fits = receiver == Role::client || reply_of_client;
        return !in_service && fits ? Verdict::process : Verdict::disconnect;
    }
    case Kind::ping:
        // OpenSSH PROTOCOL 1.9 has it for after authentication; before, it is not answered.
        return Verdict::ignore;
    case Kind::unknown:
        // RFC 4252 6: a message number of 80 or higher before authentication is an error.
        return number >= 80 ? Verdict::disconnect : Verdict::unimplemented;
    default:
        return Verdict::disconnect;
    }
}

Verdict in_open(Role receiver, Kind kind, std::uint8_t number) noexcept {
    switch (kind) {
    case Kind::disconnect:
    case Kind::generic:
    case Kind::kexinit:
    case Kind::connection:
    case Kind::ping:
        return Verdict::process;
    case Kind::authentication:
        // RFC 4252 5.1: "any further authentication requests received after that SHOULD be
        // silently ignored."
        return receiver == Role::server && number == 50 ? Verdict::ignore : Verdict::unimplemented;
    case Kind::service:
    case Kind::ext_info:
    case Kind::method:
        // What belongs before the login changes nothing behind it, and comes: a banner from another
        // thread of the server, an SSH_MSG_EXT_INFO behind a success. All channels would pay for an
        // error. OpenSSH's client answers the same (clientloop.c, client_init_dispatch()).
    case Kind::unknown:
        return Verdict::unimplemented;
    default:
        return Verdict::disconnect;
    }
}

/// RFC 4253 7.1: after its SSH_MSG_KEXINIT a side sends only transport and key exchange messages.
/// AsyncSSH's server goes on with its channels all the same, under the old keys and up to its
/// SSH_MSG_NEWKEYS. A client takes that, as OpenSSH's does: the server is the one that was let in,
/// and windows bound what it can send. A server has no such clients and is strict.
Verdict in_rekey(Role receiver, Kind kind) noexcept {
    switch (kind) {
    case Kind::disconnect:
    case Kind::generic:
    case Kind::kex_method:
    case Kind::newkeys:
        return Verdict::process;
    case Kind::connection:
        return receiver == Role::client ? Verdict::process : Verdict::disconnect;
    default:
        return Verdict::disconnect;
    }
}

}  // namespace

Verdict verdict(Role receiver, ProtocolState state, std::uint8_t number) noexcept {
    const Kind kind = kind_of(number);
    if (state == ProtocolState::ended) {
        return Verdict::ignore;
    }
    if (kind == Kind::invalid) {
        return Verdict::disconnect;
    }
    switch (state) {
    case ProtocolState::kex_initial:
        return in_initial_kex(kind, false);
    case ProtocolState::kex_initial_strict:
        return in_initial_kex(kind, true);
    case ProtocolState::service:
    case ProtocolState::authentication:
        return before_authentication(receiver, state, kind, number);
    case ProtocolState::open:
        return in_open(receiver, kind, number);
    case ProtocolState::rekey:
        return in_rekey(receiver, kind);
    case ProtocolState::identification:
    case ProtocolState::ended:
        return Verdict::disconnect;
    }
    return Verdict::disconnect;
}

}  // namespace caponier::ssh
