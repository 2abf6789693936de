#pragma once
// Message numbers, named as in the RFCs without their SSH_MSG_ prefix. Which of them may arrive in
// which state is decided by the transport's table, not here.

#include <cstdint>

namespace caponier::ssh {

enum class MessageNumber : std::uint8_t {
    // RFC 4253 12, RFC 8308 2.3
    disconnect = 1,
    ignore = 2,
    unimplemented = 3,
    debug = 4,
    service_request = 5,
    service_accept = 6,
    ext_info = 7,
    newcompress = 8,
    kexinit = 20,
    newkeys = 21,
    // RFC 5656 7.1, shared by RFC 8731; RFC 4253 8 has the same numbers and fields
    kex_ecdh_init = 30,
    kex_ecdh_reply = 31,
    // RFC 4419 5, which has another use for 31
    kex_dh_gex_group = 31,
    kex_dh_gex_init = 32,
    kex_dh_gex_reply = 33,
    kex_dh_gex_request = 34,
    // RFC 4252 6
    userauth_request = 50,
    userauth_failure = 51,
    userauth_success = 52,
    userauth_banner = 53,
    // RFC 4252 7 and 8, RFC 4256 5: the meaning of 60 and 61 depends on the method in use.
    userauth_pk_ok = 60,
    userauth_passwd_changereq = 60,
    userauth_info_request = 60,
    userauth_info_response = 61,
    // RFC 4254 9
    global_request = 80,
    request_success = 81,
    request_failure = 82,
    channel_open = 90,
    channel_open_confirmation = 91,
    channel_open_failure = 92,
    channel_window_adjust = 93,
    channel_data = 94,
    channel_extended_data = 95,
    channel_eof = 96,
    channel_close = 97,
    channel_request = 98,
    channel_success = 99,
    channel_failure = 100,
    // OpenSSH PROTOCOL 1.9: ping@openssh.com
    ping = 192,
    pong = 193,
};

}  // namespace caponier::ssh
