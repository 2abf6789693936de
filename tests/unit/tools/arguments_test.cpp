// The command line: where an argument begins and ends, what wins, and the one line for what is
// wrong. What the values of -L and -o mean is settings_test.cpp's part.

#include "tools/cli/arguments.h"

#include <regex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/cli/flags.h"

namespace caponier::cli {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

tl::expected<Command, std::string> parse(std::vector<std::string> words) {
    words.insert(words.begin(), "caponier");
    std::vector<char*> pointers;
    for (std::string& word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    return parse_arguments({pointers.data(), words.size()});
}

client::Settings settings_of(std::vector<std::string> words) {
    const auto command = parse(std::move(words));
    if (!command || !std::holds_alternative<ForwardCommand>(*command)) {
        ADD_FAILURE() << (command ? "another command" : command.error());
        return {};
    }
    return std::get<ForwardCommand>(*command).settings;
}

std::string error_of(std::vector<std::string> words) {
    const auto command = parse(std::move(words));
    return command ? "no error" : command.error();
}

TEST(Arguments, ForwardsAndHostMakeSettings) {
    const auto settings = settings_of({"-L", "8080:db:5432", "-L", "9090:web:80", "me@bastion"});

    ASSERT_EQ(settings.local_forwards.size(), 2U);
    EXPECT_EQ(settings.local_forwards[0].host, "db");
    EXPECT_EQ(settings.local_forwards[1].port, 9090);
    EXPECT_EQ(settings.host, "bastion");
    EXPECT_EQ(settings.user, "me");
}

TEST(Arguments, ValuesMayBeAttachedAndLettersBundled) {
    const auto settings =
        settings_of({"-Nvp2222", "-L8080:db:5432", "-oConnectTimeout=3", "bastion"});

    EXPECT_EQ(settings.port, 2222);
    EXPECT_EQ(settings.log_level, client::LogLevel::verbose);
    EXPECT_EQ(settings.connect_timeout, std::chrono::seconds{3});
}

TEST(Arguments, ShardsAreCountedAndPinned) {
    const auto settings = settings_of({"--shards=2", "--pin", "-L8080:db:5432", "bastion"});

    EXPECT_EQ(settings.shards, 2U);
    EXPECT_TRUE(settings.pin);
    EXPECT_EQ(settings_of({"-L8080:db:5432", "bastion"}).shards, 0U);
}

TEST(Arguments, ANumberOfShardsThatMakesNoSenseIsAnError) {
    for (const char* number : {"0", "-1", "257", "two", "2x", ""}) {
        EXPECT_THAT(error_of({std::string{"--shards="} + number, "-L8080:db:5432", "bastion"}),
                    HasSubstr("wants a number from 1 to 256"));
    }
}

// In ssh a -p gives way to what came before it; -c and -m do not.
TEST(Arguments, CipherAndMacSpecsWinOverEarlierOptions) {
    const auto settings = settings_of({"-L8080:db:5432",
                                       "-oCiphers=aes128-gcm@openssh.com",
                                       "-c",
                                       "aes256-gcm@openssh.com",
                                       "-oCiphers=chacha20-poly1305@openssh.com",
                                       "-mhmac-sha2-512",
                                       "-m+hmac-sha2-256",
                                       "bastion"});

    EXPECT_EQ(settings.algorithm_options.ciphers, "aes256-gcm@openssh.com");
    EXPECT_EQ(settings.algorithm_options.macs, "+hmac-sha2-256");
    EXPECT_THAT(error_of({"-L8080:db:5432", "-c", "a b", "bastion"}), HasSubstr("Ciphers"));
}

TEST(Arguments, OptionsMayFollowTheHost) {
    const auto settings = settings_of({"bastion", "-p", "2222", "-L", "8080:db:5432"});

    EXPECT_EQ(settings.host, "bastion");
    EXPECT_EQ(settings.port, 2222);
}

TEST(Arguments, WhatFollowsTwoDashesIsNoOption) {
    const auto settings = settings_of({"-L", "8080:db:5432", "--", "bastion"});

    EXPECT_EQ(settings.host, "bastion");
    EXPECT_THAT(error_of({"-L", "8080:db:5432", "--", "-v"}), HasSubstr("-v"));
    EXPECT_THAT(error_of({"-L", "8080:db:5432", "--", "bastion", "-v"}), HasSubstr("-v"));
}

TEST(Arguments, TheFirstOfSeveralValuesWinsWhicheverWayItIsWritten) {
    EXPECT_EQ(settings_of({"-p", "1", "-oPort=2", "-L1:a:1", "host"}).port, 1);
    EXPECT_EQ(settings_of({"-oPort=2", "-p", "1", "-L1:a:1", "host"}).port, 2);
    EXPECT_EQ(settings_of({"-L1:a:1", "ssh://host:3", "-p", "1"}).port, 3);
    EXPECT_EQ(settings_of({"-l", "one", "-L1:a:1", "two@host"}).user, "one");
    EXPECT_EQ(settings_of({"-L1:a:1", "two@host", "-l", "one"}).user, "two");
}

// As ssh -G shows: words, quotes and comments are of -o only.
TEST(Arguments, ValuesOfFlagsAreTakenAsTheyAre) {
    for (const std::string user : {"a b", " a ", "a#b", "# a", "a=b", "=b"}) {
        EXPECT_EQ(settings_of({"-l", user, "-L1:a:1", "host"}).user, user);
        EXPECT_EQ(settings_of({"-L1:a:1", user + "@host"}).user, user);
    }
    EXPECT_EQ(settings_of({"-L1:a:1", "ssh://a%23b+c@host"}).user, "a#b c");
    EXPECT_EQ(settings_of({"-o", "User=a # b", "-L1:a:1", "host"}).user, "a");
    EXPECT_THAT(error_of({"-l", "'a'", "-L1:a:1", "host"}), HasSubstr("option User takes"));
    for (const std::string port : {"22 ", "'22'", "22 # a"}) {
        EXPECT_THAT(error_of({"-p", port, "-L1:a:1", "host"}), HasSubstr("option Port takes"));
    }
    EXPECT_THAT(error_of({"-c", " aes128-ctr", "-L1:a:1", "host"}), HasSubstr("Ciphers"));
}

TEST(Arguments, IdentitiesAreKeptInTheirOrder) {
    const auto settings = settings_of({"-i", "a", "-i", "b", "-L1:a:1", "host"});

    EXPECT_EQ(settings.identity_files, (std::vector<std::string>{"a", "b"}));
}

TEST(Arguments, IdentitiesOfTheFlagAreToldFromThoseOfTheOption) {
    const auto settings = settings_of({"-i", "a", "-oIdentityFile=b", "-L1:a:1", "host"});

    EXPECT_EQ(settings.identity_files, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(settings.identity_flags, std::vector<std::string>{"a"});
}

TEST(Arguments, MoreVsSayMoreAndQSaysLess) {
    EXPECT_EQ(settings_of({"-L1:a:1", "host"}).log_level, client::LogLevel::info);
    EXPECT_EQ(settings_of({"-vv", "-L1:a:1", "host"}).log_level, client::LogLevel::debug);
    EXPECT_EQ(settings_of({"-vvv", "-L1:a:1", "host"}).log_level, client::LogLevel::debug);
    EXPECT_EQ(settings_of({"-q", "-L1:a:1", "host"}).log_level, client::LogLevel::quiet);
}

TEST(Arguments, TheBackendIsNamed) {
    EXPECT_EQ(settings_of({"--io=epoll", "-L1:a:1", "host"}).backend, io::Backend::epoll);
    EXPECT_EQ(settings_of({"--io", "uring", "-L1:a:1", "host"}).backend, io::Backend::io_uring);
    EXPECT_THAT(error_of({"--io=kqueue", "-L1:a:1", "host"}), HasSubstr("kqueue"));
}

TEST(Arguments, FlagsThatAskForWhatIsDoneAnywayAreAccepted) {
    EXPECT_EQ(settings_of({"-N", "-T", "-n", "-F", "none", "-L1:a:1", "host"}).host, "host");
}

TEST(Arguments, GOpensTheListenersToOtherMachines) {
    EXPECT_FALSE(settings_of({"-L1:a:1", "host"}).gateway_ports);
    EXPECT_TRUE(settings_of({"-g", "-L1:a:1", "host"}).gateway_ports);
}

TEST(Arguments, ErrorsNameTheOption) {
    EXPECT_THAT(error_of({"-Z", "host"}), HasSubstr("-Z"));
    EXPECT_THAT(error_of({"-NZ", "host"}), HasSubstr("-Z"));
    EXPECT_THAT(error_of({"--zebra", "host"}), HasSubstr("--zebra"));
    EXPECT_THAT(error_of({"--help=me", "host"}), HasSubstr("--help=me"));
    EXPECT_THAT(error_of({"host", "-p"}), HasSubstr("-p"));
    EXPECT_THAT(error_of({"--io"}), HasSubstr("--io"));
    EXPECT_THAT(error_of({"-F", "config", "host"}), HasSubstr("-F"));
    EXPECT_THAT(error_of({"-o", "Zebra=1", "host"}), HasSubstr("Zebra"));
    EXPECT_THAT(error_of({"-p", "70000", "host"}), HasSubstr("Port"));
    EXPECT_THAT(error_of({"-L", "nonsense", "host"}), HasSubstr("-L"));
}

TEST(Arguments, ErrorsAreOneLineWhateverTheArgumentHolds) {
    for (const char* hostile : {"a\nb", "\033[31m", "a\rb"}) {
        for (const auto& words : {std::vector<std::string>{"host", hostile},
                                  std::vector<std::string>{"-F", hostile},
                                  std::vector<std::string>{"--io", hostile},
                                  std::vector<std::string>{std::string{"--"} + hostile}}) {
            EXPECT_EQ(error_of(words).find_first_of("\n\r\033"), std::string::npos);
        }
    }
}

TEST(Arguments, AForwardAndAHostAreNeeded) {
    EXPECT_THAT(error_of({}), HasSubstr("usage"));
    EXPECT_THAT(error_of({"-L", "1:a:1"}), HasSubstr("host"));
    EXPECT_THAT(error_of({"host"}), HasSubstr("-L"));
}

TEST(Arguments, RemoteCommandsAreRefused) {
    EXPECT_THAT(error_of({"-L1:a:1", "host", "uptime"}), HasSubstr("only forwards"));
}

TEST(Arguments, DemoIsAVerbWhereNothingIsForwarded) {
    const auto demo = parse({"--io=epoll", "demo", "--once", "-v"});

    ASSERT_TRUE(demo && std::holds_alternative<DemoCommand>(*demo));
    EXPECT_TRUE(std::get<DemoCommand>(*demo).once);
    EXPECT_EQ(std::get<DemoCommand>(*demo).backend, io::Backend::epoll);
    EXPECT_EQ(std::get<DemoCommand>(*demo).log_level, client::LogLevel::verbose);
    EXPECT_EQ(settings_of({"-L1:a:1", "demo"}).host, "demo");
}

TEST(Arguments, DemoTakesNothingThatItHasNoUseFor) {
    EXPECT_THAT(error_of({"demo", "-p", "22"}), HasSubstr("-p"));
    EXPECT_THAT(error_of({"-i", "key", "demo"}), HasSubstr("-i"));
    EXPECT_THAT(error_of({"demo", "bastion"}), HasSubstr("bastion"));
    EXPECT_THAT(error_of({"--once", "-L1:a:1", "host"}), HasSubstr("--once"));
}

TEST(Arguments, VersionAndHelpWinOverWhatIsMissing) {
    EXPECT_TRUE(std::holds_alternative<VersionCommand>(*parse({"-V"})));
    EXPECT_TRUE(std::holds_alternative<VersionCommand>(*parse({"--version"})));
    EXPECT_TRUE(std::holds_alternative<HelpCommand>(*parse({"--help"})));
    EXPECT_TRUE(std::holds_alternative<HelpCommand>(*parse({"demo", "--help"})));
}

TEST(Help, NamesEveryFlagThatIsTaken) {
    const std::string help{help_text()};
    for (char letter = '!'; letter <= '~'; ++letter) {
        const std::string flag{'-', letter};
        if (letter != '-' && error_of({flag}).find("unknown option") == std::string::npos) {
            EXPECT_THAT(help, ContainsRegex("(^|[ \n])" + flag + "[ ,\n]"));
        }
    }
    for (const char* word :
         {"--io", "--ssh", "--shards", "--pin", "--once", "--help", "--version"}) {
        EXPECT_THAT(help, HasSubstr(word));
    }
}

TEST(Help, NamesNoFlagThatIsNotTaken) {
    const std::string help{help_text()};
    const std::regex word{"(^|[ \n])(--?[A-Za-z]+)"};
    for (auto found = std::sregex_iterator{help.begin(), help.end(), word};
         found != std::sregex_iterator{};
         ++found) {
        const std::string flag = (*found)[2];
        EXPECT_THAT(error_of({flag}), Not(HasSubstr("unknown option"))) << flag;
    }
}

TEST(Help, NamesEveryOption) {
    const std::string help{help_text()};
    EXPECT_GE(client::option_names().size(), 43U);
    for (const std::string_view name : client::option_names()) {
        EXPECT_THAT(help, ContainsRegex("[ \n]" + std::string{name} + "[ \n]"));
    }
}

TEST(Help, FitsIntoATerminal) {
    const std::string help{help_text()};
    for (std::size_t at = 0; at < help.size(); at = help.find('\n', at) + 1) {
        EXPECT_LE(help.find('\n', at) - at, 100U);
    }
}

}  // namespace
}  // namespace caponier::cli
