// The authentication options in ssh's spelling; settings_test.cpp has what all options share.

#include "engine/client/authentication_options.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "engine/client/settings.h"

namespace caponier::client {
namespace {

/// What `text` makes of the settings; the error where it is none.
tl::expected<AuthenticationOptions, std::string> options_of(
    std::initializer_list<std::string_view> texts) {
    Settings settings;
    std::vector<std::string> seen;
    for (const std::string_view text : texts) {
        if (auto applied = apply_option(settings, seen, text); !applied) {
            return tl::unexpected{applied.error()};
        }
    }
    return settings.authentication;
}

TEST(AuthenticationOptions, AreOnUnlessTheyAreSwitchedOff) {
    const auto usual = options_of({});
    EXPECT_TRUE(usual->public_key && usual->keyboard_interactive && usual->password);
    EXPECT_FALSE(usual->batch_mode);
    EXPECT_EQ(usual->password_prompts, 3);

    EXPECT_FALSE(options_of({"PubkeyAuthentication=no"})->public_key);
    EXPECT_TRUE(options_of({"PubkeyAuthentication=host-bound"})->public_key);
    EXPECT_TRUE(options_of({"PubkeyAuthentication=unbound"})->public_key);
    EXPECT_FALSE(options_of({"PasswordAuthentication=no"})->password);
    EXPECT_TRUE(options_of({"BatchMode=yes"})->batch_mode);
    for (const std::string_view name : {"KbdInteractiveAuthentication=no",
                                        "ChallengeResponseAuthentication=no",
                                        "SkeyAuthentication=no",
                                        "TISAuthentication=no"}) {
        EXPECT_FALSE(options_of({name})->keyboard_interactive) << name;
    }
}

// As in ssh, the first value for a key wins, under whichever name.
TEST(AuthenticationOptions, ObeyTheFirstValue) {
    EXPECT_TRUE(
        options_of({"KbdInteractiveAuthentication=yes", "ChallengeResponseAuthentication=no"})
            ->keyboard_interactive);
}

TEST(AuthenticationOptions, TakeNumbersAndLists) {
    EXPECT_EQ(options_of({"NumberOfPasswordPrompts=1"})->password_prompts, 1);
    EXPECT_EQ(options_of({"PreferredAuthentications=password,publickey"})->preferred,
              (std::vector<std::string>{"password", "publickey"}));
    EXPECT_EQ(options_of({"CertificateFile=a", "CertificateFile=b"})->certificate_files,
              (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(options_of({"IdentityAgent=none"})->agent, "none");
}

TEST(AuthenticationOptions, RefuseWhatIsNotOne) {
    for (const std::string_view text : {"NumberOfPasswordPrompts=-1",
                                        "NumberOfPasswordPrompts=three",
                                        "NumberOfPasswordPrompts=3x",
                                        "PubkeyAuthentication=maybe",
                                        "PreferredAuthentications=a,,b",
                                        "BatchMode=on"}) {
        EXPECT_FALSE(options_of({text}).has_value()) << text;
    }
}

TEST(IdentityAgent, IsAPathAVariableOrNone) {
    const TokenValues values{{"me", "/home/me", 1000}, "bastion", "bastion.example", "user", 22};
    ::setenv("SSH_AUTH_SOCK", "/run/usual", 1);
    ::setenv("OTHER_AGENT", "/run/other", 1);

    EXPECT_EQ(agent_path("", values), "/run/usual");
    EXPECT_EQ(agent_path("SSH_AUTH_SOCK", values), "/run/usual");
    EXPECT_EQ(agent_path("none", values), "");
    EXPECT_EQ(agent_path("$OTHER_AGENT", values), "/run/other");
    EXPECT_EQ(agent_path("$NOT_SET_ANYWHERE", values), "");
    EXPECT_EQ(agent_path("~/agent-%h", values), "/home/me/agent-bastion.example");
    EXPECT_EQ(agent_path("${OTHER_AGENT}.sock", values), "/run/other.sock");
    EXPECT_FALSE(agent_path("%q", values).has_value());
    ::unsetenv("SSH_AUTH_SOCK");
    EXPECT_EQ(agent_path("", values), "");
    ::unsetenv("OTHER_AGENT");
}

}  // namespace
}  // namespace caponier::client
