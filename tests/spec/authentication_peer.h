#pragma once
// Where the tests of RFC 4252's methods begin: keys are on and the service is granted, on either
// side.

#include <initializer_list>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/spec/rogue_peer.h"

namespace caponier::spec {

/// A server whose client asked with "none" and was told `methods`: it is the application's turn.
inline void refuse_none(RoguePeer& peer, std::string_view methods) {
    ASSERT_TRUE(peer.exchange_keys());
    peer.send(Message{ssh::MessageNumber::service_accept}.text("ssh-userauth"));
    peer.send(Message{ssh::MessageNumber::userauth_failure}.text(methods).boolean(false));
    peer.forget();
}

/// A client whose server offers `methods` and asks `application`.
inline RoguePeer::Options client_of(
    std::initializer_list<std::string> methods,
    std::function<bool(ssh::Session&, const ssh::Event&)> application) {
    RoguePeer::Options options;
    options.role = ssh::Role::client;
    options.session.methods = methods;
    options.application = std::move(application);
    return options;
}

inline void ask_for_service(RoguePeer& peer) {
    ASSERT_TRUE(peer.exchange_keys());
    peer.send(Message{ssh::MessageNumber::service_request}.text("ssh-userauth"));
    ASSERT_TRUE(peer.take(ssh::MessageNumber::service_accept).has_value());
    peer.forget();
}

/// SSH_MSG_USERAUTH_REQUEST up to its method.
inline Message request_for(std::string_view method, std::string_view user = "user") {
    return Message{ssh::MessageNumber::userauth_request}
        .text(user)
        .text("ssh-connection")
        .text(method);
}

inline Message failure_with(std::string_view methods, bool partial_success = false) {
    return Message{ssh::MessageNumber::userauth_failure}.text(methods).boolean(partial_success);
}

}  // namespace caponier::spec
