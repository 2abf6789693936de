// The argument of -L.

#include <gtest/gtest.h>

#include "engine/client/settings.h"

namespace caponier::client {
namespace {

struct Wrong {
    std::string_view text;
    std::string_view reason;
};

TEST(LocalForward, TakesPortHostAndHostPort) {
    const auto forward = parse_local_forward("8080:db.internal:5432");

    ASSERT_TRUE(forward);
    EXPECT_FALSE(forward->bind_given);
    EXPECT_EQ(forward->bind_host, "");
    EXPECT_EQ(forward->port, 8080);
    EXPECT_EQ(forward->host, "db.internal");
    EXPECT_EQ(forward->host_port, 5432);
}

TEST(LocalForward, TakesABindAddress) {
    const auto forward = parse_local_forward("127.0.0.2:0:db:1");

    ASSERT_TRUE(forward);
    EXPECT_TRUE(forward->bind_given);
    EXPECT_EQ(forward->bind_host, "127.0.0.2");
    EXPECT_EQ(forward->port, 0);
}

TEST(LocalForward, TellsAnEmptyBindAddressFromNone) {
    const auto empty = parse_local_forward(":8080:db:80");
    const auto star = parse_local_forward("*:8080:db:80");

    ASSERT_TRUE(empty && star);
    EXPECT_TRUE(empty->bind_given);
    EXPECT_EQ(empty->bind_host, "");
    EXPECT_TRUE(star->bind_given);
    EXPECT_EQ(star->bind_host, "*");
}

TEST(LocalForward, TakesIpv6AddressesInBrackets) {
    const auto forward = parse_local_forward("[::1]:8080:[fe80::1%eth0]:80");

    ASSERT_TRUE(forward);
    EXPECT_EQ(forward->bind_host, "::1");
    EXPECT_EQ(forward->host, "fe80::1%eth0");
}

TEST(LocalForward, TakesNamesOfServices) {
    const auto forward = parse_local_forward("8080:web:http");

    ASSERT_TRUE(forward) << forward.error();
    EXPECT_EQ(forward->host_port, 80);
}

TEST(LocalForward, SaysInOneLineWhatIsWrong) {
    for (const Wrong& wrong : {Wrong{"", "expected [bind_address:]port:host:hostport"},
                               {"8080", "expected"},
                               {"8080:db", "expected"},
                               {"1:2:3:4:5", "expected"},
                               {"1:2:3:4:", "expected"},
                               {"[::1:8080:db:80", "expected"},
                               {"[::1]8080:db:80", "expected"},
                               {"8080:db:80\\", "expected"},
                               {"65536:db:80", "'65536' is neither a port"},
                               {"-1:db:80", "'-1' is neither"},
                               {"8080:db:", "expected"},
                               {":db:80", "'' is neither"},
                               {"8080:db:no-such-service", "nor a service"},
                               {"8080:db:0", "port 0"},
                               {"8080::80", "the host is missing"},
                               {"8080:a b:80", "not a host name"},
                               {"8080:a\x1b[2J:80", "not a host name"},
                               {"/run/x.sock:db:80", "unix sockets"},
                               {"8080:/run/x.sock", "unix sockets"},
                               {"8080/db/80", "expected"},
                               {"8080:/run/x.sock:80", "unix sockets"}}) {
        const auto forward = parse_local_forward(wrong.text);

        ASSERT_FALSE(forward) << wrong.text;
        EXPECT_NE(forward.error().find(wrong.reason), std::string::npos) << forward.error();
        EXPECT_EQ(forward.error().find_first_of("\n\x1b"), std::string::npos);
    }
}

}  // namespace
}  // namespace caponier::client
