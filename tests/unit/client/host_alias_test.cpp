// Names that only the user's ssh_config file knows.

#include "engine/client/host_alias.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/unit/client/temporary_folder.h"

namespace caponier::client {
namespace {

constexpr std::string_view config =
    "# Host commented\n"
    "Host production prod-* !secret \"with blank\"\n"
    "    HostName 192.0.2.1\n"
    "  host=second\r\n"
    "HostName third\n"
    "Host 'unclosed\n"
    "Match host fourth\n"
    "Host last";

TEST(HasHostLine, FindsWhatAHostLineNames) {
    for (const std::string_view host : {"production", "with blank", "second", "last"}) {
        EXPECT_TRUE(has_host_line(config, host)) << host;
    }
}

TEST(HasHostLine, TakesNothingElseForAName) {
    for (const std::string_view host :
         {"commented", "prod-1", "secret", "third", "unclosed", "fourth", "Production", ""}) {
        EXPECT_FALSE(has_host_line(config, host)) << host;
    }
    EXPECT_FALSE(has_host_line("", "production"));
    EXPECT_FALSE(has_host_line("Host", "production"));
}

TEST(AliasHint, NamesTheFileAndTheCommand) {
    const TemporaryFolder folder;
    const Account account{"me", folder.path(""), 1000};
    EXPECT_EQ(alias_hint("production", account), "");

    std::filesystem::create_directory(folder.path(".ssh"));
    folder.write(".ssh/config", std::string{config});

    EXPECT_NE(alias_hint("production", account).find("'ssh -G production'"), std::string::npos);
    EXPECT_EQ(alias_hint("prod-1", account), "");
    EXPECT_EQ(alias_hint("production", {"me", "", 1000}), "");
}

}  // namespace
}  // namespace caponier::client
