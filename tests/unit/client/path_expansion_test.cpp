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

constexpr std::uint32_t nobody_has_it = 3'999'999'999;

TEST(AccountOf, IsThePasswordDatabasesWhateverHomeSays) {
    const Account root = account_of(0, "/elsewhere");

    EXPECT_EQ(root.user, "root");
    EXPECT_EQ(root.home, "/root");
}

TEST(AccountOf, HasOnlyAHomeWhereTheDatabaseKnowsNobody) {
    const Account account = account_of(nobody_has_it, "/home/somewhere");

    EXPECT_EQ(account.user, "");
    EXPECT_EQ(account.home, "/home/somewhere");
    EXPECT_EQ(account.uid, nobody_has_it);
    // A relative one would mean another folder after each chdir().
    EXPECT_EQ(account_of(nobody_has_it, "somewhere").home, "");
    EXPECT_EQ(account_of(nobody_has_it, "").home, "");
}

TEST(AccountOf, SaysWhatIsMissingWhereItIsNeeded) {
    TokenValues stranger = values;
    stranger.account = {"", "", nobody_has_it};

    const std::string who = "uid 3999999999 has no account here";
    EXPECT_EQ(expand_path("keys/%u", stranger).error(),
              "keys/%u: " + who + ", so that there is no login name for %u");
    EXPECT_EQ(expand_path("%d/id", stranger).error(),
              "%d/id: " + who + ", so that its home directory is what HOME says: set it");
    EXPECT_EQ(expand_path("~/id", stranger).error(),
              "~/id: " + who + ", so that its home directory is what HOME says: set it");
    EXPECT_EQ(expand_path("%i", stranger), "3999999999");
}

}  // namespace
}  // namespace caponier::client
