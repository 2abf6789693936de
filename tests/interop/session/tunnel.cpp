// The login of the session tests.

#include "tests/interop/session/tunnel.h"

#include <utility>

#include <pwd.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "engine/client/random_source.h"

namespace caponier::ssh::test {

SessionConfig config_of_user() {
    SessionConfig config;
    config.user = ::getpwuid(::getuid())->pw_name;
    config.random = client::os_random_source();
    return config;
}

Tunnel::Tunnel(const std::vector<std::string>& options, std::unique_ptr<Session> session)
    : sshd{options}, driver{std::move(session), sshd.client_end()} {
    driver.log_in_with(key);
    EXPECT_TRUE(driver.until_established()) << driver.end_text;
}

}  // namespace caponier::ssh::test
