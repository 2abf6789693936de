// Patterns and hashes of host names, as in OpenSSH's match.c and hostfile.c.

#include "ssh/keys/host_patterns.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/ssh/hex.h"

namespace caponier::ssh {
namespace {

TEST(HostPatterns, MatchPlainNamesWhole) {
    EXPECT_TRUE(matches_host_patterns("host", "host"));
    EXPECT_TRUE(matches_host_patterns("a,host,b", "host"));
    EXPECT_TRUE(matches_host_patterns("HOST", "host"));
    EXPECT_FALSE(matches_host_patterns("hos", "host"));
    EXPECT_FALSE(matches_host_patterns("hostt", "host"));
    EXPECT_FALSE(matches_host_patterns("", "host"));
    EXPECT_FALSE(matches_host_patterns(",", "host"));
    EXPECT_FALSE(matches_host_patterns("", ""));
}

TEST(Principals, AreOnePatternEachWhereCaseMatters) {
    EXPECT_TRUE(matches_principal("host", "host"));
    EXPECT_TRUE(matches_principal("*.example", "a.example"));
    EXPECT_TRUE(matches_principal("h?st", "host"));
    EXPECT_TRUE(matches_principal("a,b", "a,b"));
    EXPECT_FALSE(matches_principal("a,b", "a"));
    EXPECT_FALSE(matches_principal("!a", "b"));
    EXPECT_FALSE(matches_principal("Host", "host"));
    EXPECT_FALSE(matches_principal("", "host"));
    EXPECT_FALSE(matches_principal("host", ""));
}

TEST(HostPatterns, KnowStarsAndQuestionMarks) {
    EXPECT_TRUE(matches_host_patterns("*", "host"));
    EXPECT_TRUE(matches_host_patterns("*.example.com", "a.example.com"));
    EXPECT_TRUE(matches_host_patterns("*.example.com", "a.b.example.com"));
    EXPECT_TRUE(matches_host_patterns("h*t", "ht"));
    EXPECT_TRUE(matches_host_patterns("h*t*", "hot"));
    EXPECT_TRUE(matches_host_patterns("*a*b*", "xxaxbx"));
    EXPECT_TRUE(matches_host_patterns("10.0.0.?", "10.0.0.7"));
    EXPECT_FALSE(matches_host_patterns("10.0.0.?", "10.0.0.77"));
    EXPECT_FALSE(matches_host_patterns("10.0.0.?", "10.0.0."));
    EXPECT_FALSE(matches_host_patterns("*.example.com", "example.com"));
    EXPECT_FALSE(matches_host_patterns("*.example.com", "a.example.org"));
    EXPECT_FALSE(matches_host_patterns("*a*b*", "xxbxax"));
}

TEST(HostPatterns, MatchNothingThatIsExcluded) {
    EXPECT_TRUE(matches_host_patterns("*,!bad", "good"));
    EXPECT_FALSE(matches_host_patterns("*,!bad", "bad"));
    EXPECT_FALSE(matches_host_patterns("!bad,*", "bad"));
    EXPECT_FALSE(matches_host_patterns("!bad", "good"));
    EXPECT_FALSE(
        matches_host_patterns("*.example.com,!*.secret.example.com", "a.secret.example.com"));
    EXPECT_FALSE(matches_host_patterns("!", "host"));
}

// The classic pattern for matchers that try all splits: 2^40 steps for them.
TEST(HostPatterns, TakeNoExponentialTime) {
    std::string pattern;
    for (int i = 0; i < 40; ++i) {
        pattern += "*a";
    }

    EXPECT_FALSE(matches_host_patterns(pattern + "b", std::string(200, 'a')));
}

// As printed by ssh-keygen -H for host.example.
TEST(HashedHostName, IsTheOneThatSshKeygenMakes) {
    const std::string_view hashed = "|1|ImPAjDHps5H/v12C1XPCBIhIXic=|lW25AkqKQPQsplU1WLnTtsq0xds=";

    EXPECT_TRUE(matches_hashed_name(hashed, "host.example"));
    EXPECT_FALSE(matches_hashed_name(hashed, "host.exampl"));
    EXPECT_FALSE(matches_hashed_name(hashed, "[host.example]:2222"));
}

TEST(HashedHostName, IsRecognisedWhenItIsMadeHere) {
    const std::vector<std::byte> salt(host_salt_bytes, std::byte{7});

    const std::string hashed = hashed_host_name("host", salt);

    EXPECT_TRUE(hashed.starts_with("|1|BwcHBwcHBwcHBwcHBwcHBwcHBwc=|"));
    EXPECT_TRUE(matches_hashed_name(hashed, "host"));
}

TEST(HashedHostName, ThatIsMalformedMatchesNothing) {
    const std::string good = hashed_host_name("host", std::vector<std::byte>(host_salt_bytes));
    EXPECT_TRUE(is_hashed_name(good));
    for (const std::string& bad : {std::string{},
                                   std::string{"|"},
                                   std::string{"|1|"},
                                   std::string{"|1||"},
                                   std::string{"|1|AAAA|AAAA"},
                                   "|2" + good.substr(2),
                                   good.substr(0, good.size() - 1),
                                   good + "=",
                                   good + "," + good,
                                   good.substr(0, good.rfind('|'))}) {
        EXPECT_FALSE(matches_hashed_name(bad, "host")) << bad;
        EXPECT_FALSE(is_hashed_name(bad)) << bad;
    }
}

}  // namespace
}  // namespace caponier::ssh
