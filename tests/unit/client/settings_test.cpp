// The -o options: words, values, which of several wins, and what is refused.

#include "engine/client/settings.h"

#include <gtest/gtest.h>

#include "engine/client/option_words.h"

namespace caponier::client {
namespace {

using std::chrono::seconds;

/// The settings after these options, and the error of the last one that failed.
struct Applied {
    Settings settings;
    std::string error;
};

Applied apply(std::initializer_list<std::string_view> texts) {
    Applied applied;
    std::vector<std::string> seen;
    for (const std::string_view text : texts) {
        const auto result = apply_option(applied.settings, seen, text);
        if (!result) {
            applied.error = result.error();
        }
    }
    return applied;
}

TEST(OptionWords, AreSplitAtEqualsSignsAndBlanks) {
    for (const std::string_view text : {"Port=2222",
                                        "Port 2222",
                                        "  Port = 2222  ",
                                        "Port\t2222\n",
                                        "Port =2222",
                                        "Port=\"2222\"",
                                        "Port 2222 # a comment"}) {
        const auto words = split_option(text);

        ASSERT_TRUE(words) << text;
        EXPECT_EQ(words->key, "Port");
        EXPECT_EQ(words->arguments, std::vector<std::string>{"2222"}) << text;
    }
}

TEST(OptionWords, KeepBlanksInQuotesAndBehindBackslashes) {
    const auto words = split_option(R"(UserKnownHostsFile "a b" 'c"d' e\ f g\\h i\"j "k=l#m")");

    ASSERT_TRUE(words);
    const std::vector<std::string> expected{"a b", "c\"d", "e f", "g\\h", "i\"j", "k=l#m"};
    EXPECT_EQ(words->arguments, expected);
}

TEST(OptionWords, NeedAKeyAndClosedQuotes) {
    EXPECT_FALSE(split_option(""));
    EXPECT_FALSE(split_option("=22"));
    EXPECT_FALSE(split_option("User 'me"));
}

TEST(Options, SetEveryKeyThatIsSupported) {
    const Applied applied = apply({"HostName=10.0.0.1",
                                   "user me",
                                   "PORT 2222",
                                   "IdentityFile ~/a",
                                   "IdentitiesOnly yes",
                                   "UserKnownHostsFile a b",
                                   "GlobalKnownHostsFile none",
                                   "StrictHostKeyChecking accept-new",
                                   "RevokedHostKeys r s",
                                   "HostKeyAlias other",
                                   "HashKnownHosts yes",
                                   "NoHostAuthenticationForLocalhost yes",
                                   "CheckHostIP no",
                                   "UpdateHostKeys no",
                                   "VerifyHostKeyDNS no",
                                   "VisualHostKey no",
                                   "ExitOnForwardFailure true",
                                   "ConnectTimeout 1m30s",
                                   "DrainTimeout 0",
                                   "ServerAliveInterval 5",
                                   "ServerAliveCountMax 7",
                                   "GatewayPorts yes",
                                   "PoolSessions 32",
                                   "ChannelsPerSession 1000",
                                   "MemoryBudget 512M",
                                   "LogTimestamps yes",
                                   "Reconnect no"});

    EXPECT_EQ(applied.error, "");
    const Settings& s = applied.settings;
    EXPECT_TRUE(s.log_timestamps);
    EXPECT_EQ(s.memory_budget_bytes, 512 * 1024 * 1024);
    EXPECT_EQ(s.host_name, "10.0.0.1");
    EXPECT_EQ(s.user, "me");
    EXPECT_EQ(s.port, 2222);
    EXPECT_EQ(s.identity_files, std::vector<std::string>{"~/a"});
    EXPECT_TRUE(s.identities_only);
    EXPECT_EQ(s.user_known_hosts_files, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(s.global_known_hosts_files, std::vector<std::string>{"none"});
    EXPECT_EQ(s.strict_host_key_checking, StrictHostKeyChecking::accept_new);
    EXPECT_EQ(s.revoked_host_keys_files, (std::vector<std::string>{"r", "s"}));
    EXPECT_EQ(s.host_key_alias, "other");
    EXPECT_TRUE(s.hash_known_hosts);
    EXPECT_TRUE(s.no_host_authentication_for_localhost);
    EXPECT_TRUE(s.exit_on_forward_failure);
    EXPECT_EQ(s.connect_timeout, seconds{90});
    EXPECT_EQ(s.drain_timeout, seconds{0});
    EXPECT_EQ(s.server_alive_interval, seconds{5});
    EXPECT_EQ(s.server_alive_count_max, 7);
    EXPECT_TRUE(s.gateway_ports);
    EXPECT_EQ(s.pool_sessions, 32U);
    EXPECT_EQ(s.channels_per_session, 1'000U);
}

TEST(Options, TheFirstValueWins) {
    const Applied applied = apply(
        {"Port=1", "port=2", "User a", "USER b", "UserKnownHostsFile x", "UserKnownHostsFile y"});

    EXPECT_EQ(applied.error, "");
    EXPECT_EQ(applied.settings.port, 1);
    EXPECT_EQ(applied.settings.user, "a");
    EXPECT_EQ(applied.settings.user_known_hosts_files, std::vector<std::string>{"x"});
}

TEST(Options, IdentityFilesAccumulate) {
    const Applied applied = apply({"IdentityFile a", "IdentityFile b"});

    EXPECT_EQ(applied.settings.identity_files, (std::vector<std::string>{"a", "b"}));
}

TEST(Options, AWrongValueIsAnErrorAlsoWhereAnEarlierOneWins) {
    EXPECT_NE(apply({"Port=1", "Port=x"}).error, "");
}

TEST(Options, StrictHostKeyCheckingKnowsItsNames) {
    using enum StrictHostKeyChecking;
    for (const std::string_view name : {"yes", "true", "YES"}) {
        Applied applied = apply({"StrictHostKeyChecking=" + std::string{name}});
        EXPECT_EQ(applied.settings.strict_host_key_checking, yes);
        EXPECT_EQ(applied.error, "");
    }
    EXPECT_EQ(Settings{}.strict_host_key_checking, yes);
    EXPECT_EQ(apply({"StrictHostKeyChecking=ask"}).settings.strict_host_key_checking, ask);
    for (const std::string_view name : {"no", "off", "false"}) {
        Applied applied = apply({"StrictHostKeyChecking=" + std::string{name}});
        EXPECT_EQ(applied.settings.strict_host_key_checking, no);
    }
}

TEST(Options, CloseWithoutEofKnowsItsNames) {
    using enum relay::CloseWithoutEof;
    EXPECT_EQ(apply({}).settings.close_without_eof, by_server);
    EXPECT_EQ(apply({"CloseWithoutEof=auto"}).settings.close_without_eof, by_server);
    EXPECT_EQ(apply({"closewithouteof Reset"}).settings.close_without_eof, reset);
    EXPECT_EQ(apply({"CloseWithoutEof=fin"}).settings.close_without_eof, fin);
    EXPECT_NE(apply({"CloseWithoutEof=yes"}).error.find("auto, reset or fin"), std::string::npos);
}

TEST(Options, TimesHaveTheFormatOfSsh) {
    struct Time {
        std::string_view text;
        long expected;
    };
    for (const Time& time : {Time{"0", 0},
                             {"none", 0},
                             {"10", 10},
                             {"10s", 10},
                             {"2M", 120},
                             {"1h1m1s", 3661},
                             {"1d", 86'400},
                             {"1w", 604'800},
                             {"1m5", 65}}) {
        const Applied applied = apply({"ConnectTimeout=" + std::string{time.text}});
        EXPECT_EQ(applied.error, "");
        EXPECT_EQ(applied.settings.connect_timeout, seconds{time.expected}) << time.text;
    }
}

TEST(Options, AWrongValueIsRefusedInOneLineThatNamesTheOption) {
    for (const std::string_view text : {"Port=0",
                                        "Port=65536",
                                        "Port=",
                                        "Port 1 2",
                                        "ConnectTimeout=-1",
                                        "ConnectTimeout=1x",
                                        "ConnectTimeout=1s1s",
                                        "ConnectTimeout=99999999w",
                                        "ConnectTimeout=\"\"",
                                        "ServerAliveCountMax=many",
                                        "ServerAliveCountMax=-1",
                                        "GatewayPorts=clientspecified",
                                        "IdentitiesOnly=maybe",
                                        "StrictHostKeyChecking=perhaps",
                                        "UserKnownHostsFile=a none",
                                        "UserKnownHostsFile",
                                        "IdentityFile a b",
                                        "User=-oProxyCommand",
                                        "CheckHostIP=yes",
                                        "UpdateHostKeys=ask",
                                        "VerifyHostKeyDNS=ask",
                                        "VisualHostKey=yes",
                                        "HashKnownHosts=maybe",
                                        "PoolSessions=0",
                                        "PoolSessions=257",
                                        "ChannelsPerSession=16001",
                                        "ChannelsPerSession=many",
                                        "MemoryBudget=1023K",
                                        "MemoryBudget=-1",
                                        "Reconnect=yes"}) {
        const std::string error = apply({text}).error;

        const std::string name{text.substr(0, text.find_first_of("= "))};
        EXPECT_NE(error.find("option " + name + " takes "), std::string::npos) << text << error;
        EXPECT_EQ(error.find('\n'), std::string::npos);
    }
}

TEST(Options, AnUnknownOptionIsNamed) {
    EXPECT_EQ(apply({"ProxyJump=x"}).error, "option 'ProxyJump' is not supported");
    EXPECT_EQ(apply({"\x1b[2J=x"}).error, "option '\\x1b[2J' is not supported");
}

TEST(Options, NoMoreThanAHundredIdentityFiles) {
    Settings settings;
    std::vector<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(apply_option(settings, seen, "IdentityFile a"));
    }
    EXPECT_FALSE(apply_option(settings, seen, "IdentityFile a"));
    EXPECT_EQ(settings.identity_files.size(), 100);
}

TEST(CompleteSettings, FillInTheHostAndTheLoginName) {
    Settings settings;
    settings.host = "bastion";

    ASSERT_TRUE(complete(settings));
    EXPECT_EQ(settings.host_name, "bastion");
    EXPECT_NE(settings.user, "");
}

TEST(CompleteSettings, ExpandTheHostInHostName) {
    Settings settings;
    settings.host = "bastion";
    settings.host_name = "%h.example%%";

    ASSERT_TRUE(complete(settings));
    EXPECT_EQ(settings.host_name, "bastion.example%");

    settings.host_name = "%d";
    EXPECT_FALSE(complete(settings));
    settings.host_name = "%";
    EXPECT_FALSE(complete(settings));
}

// ssh.c, resolve_canonicalize(): "Attempt to canonicalise addresses, regardless of whether hostname
// canonicalisation was requested"; each as ssh -G has it.
TEST(CompleteSettings, WriteNumericAddressesAsKnownHostsDoes) {
    for (const auto& [given, canonical] : {std::pair{"0::1", "::1"},
                                           std::pair{"FE80::0:1", "fe80::1"},
                                           std::pair{"fe80::1%lo", "fe80::1%lo"},
                                           std::pair{"::FFFF:1.2.3.4", "::ffff:1.2.3.4"},
                                           std::pair{"127.1", "127.0.0.1"},
                                           std::pair{"0x7f.1", "127.0.0.1"},
                                           std::pair{"2130706433", "127.0.0.1"},
                                           std::pair{"1.2.3.04", "1.2.3.4"},
                                           std::pair{"1.2.3.4", "1.2.3.4"},
                                           std::pair{"1.2.3.4.", "1.2.3.4."},
                                           std::pair{"Bastion.example", "Bastion.example"}}) {
        Settings typed;
        typed.host = given;
        ASSERT_TRUE(complete(typed));
        EXPECT_EQ(typed.host_name, canonical) << given;
        EXPECT_EQ(typed.host, given) << "what messages say";

        Settings named;
        named.host = "bastion";
        // ssh_config(5): HostName has tokens.
        for (const char c : std::string_view{given}) {
            named.host_name.append(c == '%' ? "%%" : std::string(1, c));
        }
        ASSERT_TRUE(complete(named));
        EXPECT_EQ(named.host_name, canonical) << given;
    }
}

TEST(CompleteSettings, RefuseHostsThatSshRefuses) {
    for (const std::string_view host : {"",
                                        "-oProxyCommand=x",
                                        "a b",
                                        "a\nb",
                                        "a;b",
                                        "$(x)",
                                        "a`b",
                                        "a|b",
                                        "a,b",
                                        "a\\b",
                                        "a'b"}) {
        Settings settings;
        settings.host = host;
        EXPECT_FALSE(complete(settings)) << host;
    }
    for (const std::string_view host : {"::1", "fe80::1%eth0", "db_1.example", "10.0.0.1"}) {
        EXPECT_TRUE(is_valid_host_name(host)) << host;
    }
}

TEST(CompleteSettings, RefuseUsersThatSshRefuses) {
    for (const std::string_view user :
         {"-x", "a\nb", "a;b", "a(b", "a -b", "a\\", "a`b", "a|b", "{a}", "a\"b"}) {
        Settings settings;
        settings.host = "bastion";
        settings.user = user;
        EXPECT_FALSE(complete(settings)) << user;
    }
    for (const std::string_view user : {"me", "DOMAIN\\me", "me@corp", "first last", "a-b"}) {
        EXPECT_TRUE(is_valid_user_name(user)) << user;
    }
}

}  // namespace
}  // namespace caponier::client
