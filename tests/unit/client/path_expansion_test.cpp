// Tilde, tokens and environment in file names.

#include "engine/client/path_expansion.h"

#include <cstdlib>

#include <unistd.h>

#include <gtest/gtest.h>

namespace caponier::client {
namespace {

const TokenValues values{{"me", "/home/me", 1000}, "bastion", "bastion.example", "you", 2222};

TEST(PathExpansion, KnowsTheHomeDirectory) {
    EXPECT_EQ(expand_path("~/.ssh/id", values), "/home/me/.ssh/id");
    EXPECT_EQ(expand_path("~//x", values), "/home/me/x");
    EXPECT_EQ(expand_path("~", values), "/home/me/");
    EXPECT_EQ(expand_path("a~b", values), "a~b");
    EXPECT_EQ(expand_tilde("~/x", {"root", "/", 0}), "/x");
}

TEST(PathExpansion, KnowsOtherUsers) {
    EXPECT_EQ(expand_path("~root/x", values), "/root/x");
    EXPECT_FALSE(expand_path("~no-such-user-here/x", values));
}

TEST(PathExpansion, KnowsTheTokens) {
    EXPECT_EQ(expand_path("%d/%u/%i/%n/%h/%r/%p/%%d", values),
              "/home/me/me/1000/bastion/bastion.example/you/2222/%d");
}

TEST(PathExpansion, KnowsTheHostKeyAliasWhereThereIsOne) {
    TokenValues with_alias = values;
    with_alias.host_key_alias = "alias";

    EXPECT_EQ(expand_path("%k", with_alias), "alias");
    EXPECT_EQ(expand_path("%k", values), "bastion");
}

TEST(PathExpansion, RefusesUnknownTokens) {
    const auto expanded = expand_path("keys/%x", values);

    ASSERT_FALSE(expanded);
    EXPECT_EQ(expanded.error(), "keys/%x: unknown token '%x'");
    EXPECT_FALSE(expand_path("100%", values));
}

TEST(PathExpansion, DoesNotExpandWhatAnExpansionBrought) {
    TokenValues tricky = values;
    tricky.host = "%d${HOME}~";

    EXPECT_EQ(expand_path("%n", tricky), "%d${HOME}~");
}

TEST(PathExpansion, TakesSetEnvironmentVariablesOnly) {
    ASSERT_EQ(::setenv("CAPONIER_UNIT_TEST", "keys", 1), 0);

    EXPECT_EQ(expand_path("a/${CAPONIER_UNIT_TEST}/b", values), "a/keys/b");
    EXPECT_FALSE(expand_path("${CAPONIER_UNIT_TEST_UNSET}", values));
    EXPECT_FALSE(expand_path("${CAPONIER_UNIT_TEST", values));
}

TEST(PathExpansion, RefusesPathsThatNoSystemCallTakes) {
    EXPECT_FALSE(expand_path(std::string(5000, 'x'), values));
    EXPECT_FALSE(expand_path(std::string_view{"a\0b", 3}, values));
}

TEST(LocalAccount, IsTheOneOfThisProcess) {
    EXPECT_EQ(local_account().uid, ::getuid());
}

}  // namespace
}  // namespace caponier::client
