// [user@]host and ssh:// taken apart.

#include "tools/cli/host_argument.h"

#include <gtest/gtest.h>

namespace caponier::cli {
namespace {

TEST(HostArgument, AHostStandsAlone) {
    const auto argument = parse_host_argument("bastion.example");

    ASSERT_TRUE(argument);
    EXPECT_EQ(argument->host, "bastion.example");
    EXPECT_FALSE(argument->user);
    EXPECT_FALSE(argument->port);
}

TEST(HostArgument, TheLastAtSignEndsTheUser) {
    const auto argument = parse_host_argument("me@corp.example@bastion");

    ASSERT_TRUE(argument);
    EXPECT_EQ(argument->user, "me@corp.example");
    EXPECT_EQ(argument->host, "bastion");
}

TEST(HostArgument, APlainHostHasNoPortSoThatIpv6NeedsNoBrackets) {
    const auto argument = parse_host_argument("me@2001:db8::1");

    ASSERT_TRUE(argument);
    EXPECT_EQ(argument->host, "2001:db8::1");
    EXPECT_FALSE(argument->port);
}

TEST(HostArgument, AnUriMayHoldAPort) {
    const auto argument = parse_host_argument("ssh://me@bastion:2222");

    ASSERT_TRUE(argument);
    EXPECT_EQ(argument->user, "me");
    EXPECT_EQ(argument->host, "bastion");
    EXPECT_EQ(argument->port, "2222");
}

TEST(HostArgument, AnUriHasIpv6InBrackets) {
    EXPECT_EQ(parse_host_argument("ssh://[2001:db8::1]:2222")->host, "2001:db8::1");
    EXPECT_EQ(parse_host_argument("ssh://[2001:db8::1]:2222")->port, "2222");
    EXPECT_EQ(parse_host_argument("ssh://[2001:db8::1]/")->host, "2001:db8::1");
    EXPECT_FALSE(parse_host_argument("ssh://[2001:db8::1]/")->port);
}

// misc.c, parse_uri() and urldecode(); each as ssh -G has it.
TEST(HostArgument, TheUserOfAnUriIsDecoded) {
    EXPECT_EQ(parse_host_argument("ssh://a%40b@host")->user, "a@b");
    EXPECT_EQ(parse_host_argument("ssh://a%c3%A9%2B+c@host")->user, "a\xc3\xa9+ c");
    EXPECT_EQ(parse_host_argument("ssh://me;fingerprint=x@host:22")->user, "me");
    EXPECT_EQ(parse_host_argument("a%40b@host")->user, "a%40b") << "this is no URI";

    for (const char* text : {"ssh://a%4@host",
                             "ssh://a%@host",
                             "ssh://a%g0@host",
                             "ssh://a%00b@host",
                             "ssh://;x=y@host",
                             "ssh://a@b@host",
                             "ssh://host/path"}) {
        EXPECT_FALSE(parse_host_argument(text)) << text;
    }
}

TEST(HostArgument, BlanksOfAUserAreItsOwn) {
    EXPECT_EQ(parse_host_argument(" root@host")->user, " root");
}

TEST(HostArgument, WhatIsNoHostIsRefused) {
    for (const char* text : {"",
                             "@host",
                             "me@",
                             "-oProxyCommand=true",
                             "me@-x",
                             "a b",
                             "a\nb",
                             "a'b",
                             "ssh://",
                             "ssh://:22",
                             "ssh://[]:22"}) {
        EXPECT_FALSE(parse_host_argument(text)) << text;
    }
}

}  // namespace
}  // namespace caponier::cli
