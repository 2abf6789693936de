// Numeric addresses in and out. What is not a numeric address is refused, never guessed at.

#include "engine/io/address.h"

#include <cstring>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <sys/un.h>

#include <gtest/gtest.h>

namespace caponier::io {
namespace {

using std::string_view_literals::operator""sv;

TEST(Address, PrintsIpv4AsItWasGiven) {
    const auto address = Address::ip("127.0.0.1", 8080);

    ASSERT_TRUE(address);
    EXPECT_EQ(address->family(), AF_INET);
    EXPECT_EQ(address->port(), 8080);
    EXPECT_EQ(address->host(), "127.0.0.1");
    EXPECT_EQ(address->to_string(), "127.0.0.1:8080");
    EXPECT_EQ(address->size(), sizeof(sockaddr_in));
}

TEST(Address, PrintsIpv6InBrackets) {
    const auto address = Address::ip("2001:DB8:0::1", 22);

    ASSERT_TRUE(address);
    EXPECT_EQ(address->family(), AF_INET6);
    EXPECT_EQ(address->host(), "2001:db8::1");
    EXPECT_EQ(address->to_string(), "[2001:db8::1]:22");
    EXPECT_EQ(address->size(), sizeof(sockaddr_in6));
}

TEST(Address, KeepsTheZoneOfALinkLocalAddress) {
    // Interface 1 is the loopback interface of every Linux network namespace.
    const auto by_number = Address::ip("fe80::1%1", 22);
    const auto by_name = Address::ip("fe80::1%lo", 22);

    ASSERT_TRUE(by_number);
    ASSERT_TRUE(by_name);
    EXPECT_EQ(by_number->to_string(), "[fe80::1%lo]:22");
    EXPECT_EQ(by_name->to_string(), "[fe80::1%lo]:22");
}

TEST(Address, RefusesWhatIsNotANumericAddress) {
    for (const std::string_view text : {""sv,
                                        "localhost"sv,
                                        "127.1"sv,
                                        "0x7f.0.0.1"sv,
                                        "127.0.0.1 "sv,
                                        "127.0.0.256"sv,
                                        "[::1]"sv,
                                        ":::"sv,
                                        "::1%"sv,
                                        "::1%no-such-interface"sv,
                                        "127.0.0.1%lo"sv,
                                        "127.0.0.1\0x"sv}) {
        EXPECT_FALSE(Address::ip(text, 1)) << text;
    }
}

TEST(Address, PrintsAUnixPathAndHasNoPort) {
    const auto address = Address::unix_path("/run/caponier.sock");

    ASSERT_TRUE(address);
    EXPECT_TRUE(address->is_unix());
    EXPECT_EQ(address->port(), 0);
    EXPECT_EQ(address->host(), "/run/caponier.sock");
    EXPECT_EQ(address->to_string(), "/run/caponier.sock");
}

TEST(Address, RefusesAPathThatDoesNotFitInsteadOfCuttingIt) {
    const std::size_t room = sizeof(sockaddr_un{}.sun_path);
    const auto longest = Address::unix_path(std::string(room - 1, 'a'));

    ASSERT_TRUE(longest);
    EXPECT_EQ(longest->host().size(), room - 1);
    EXPECT_FALSE(Address::unix_path(std::string(room, 'a')));
    EXPECT_FALSE(Address::unix_path(""));
    EXPECT_FALSE(Address::unix_path("/run/a\0b"sv));
}

TEST(Address, TakesOnlyWhatTheKernelFilledIn) {
    // given an unnamed unix address in storage that was used before
    sockaddr_storage storage{};
    std::memset(&storage, 'x', sizeof storage);
    storage.ss_family = AF_UNIX;

    const Address address = Address::from_kernel(storage, sizeof storage.ss_family);

    EXPECT_TRUE(address.is_unix());
    EXPECT_EQ(address.host(), "");
}

TEST(Address, KnowsWhetherItIsThisMachine) {
    for (const char* host : {"127.0.0.1", "127.255.255.254", "::1"}) {
        EXPECT_TRUE(Address::ip(host, 22)->is_loopback()) << host;
    }
    for (const char* host : {"128.0.0.1", "10.0.0.127", "0.0.0.0", "::", "::2", "fe80::1"}) {
        EXPECT_FALSE(Address::ip(host, 22)->is_loopback()) << host;
    }
    EXPECT_FALSE(Address::unix_path("/run/caponier.sock")->is_loopback());
    EXPECT_FALSE(Address{}.is_loopback());
}

TEST(Address, IsEmptyFromTheStart) {
    const Address address;

    EXPECT_EQ(address.family(), AF_UNSPEC);
    EXPECT_EQ(address.size(), 0U);
    EXPECT_EQ(address.to_string(), "");
}

}  // namespace
}  // namespace caponier::io
