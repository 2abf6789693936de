// Host keys against known_hosts files on disk.

#include "engine/client/host_key_check.h"

#include <filesystem>

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "ssh/keys/base64.h"
#include "ssh/keys/public_key.h"
#include "tests/unit/client/temporary_folder.h"

namespace caponier::client {
namespace {

std::vector<std::byte> ed25519_key(std::byte fill) {
    const std::vector<std::byte> point(32, fill);
    return ssh::make_public_key_blob({.type = ssh::KeyType::ed25519,
                                      .bits = 256,
                                      .point = point,
                                      .exponent = {},
                                      .modulus = {}});
}

class HostKeyCheckTest : public testing::Test {
  protected:
    HostKeyCheckTest() {
        settings.host = "bastion";
        settings.host_name = "Bastion.example";
        settings.user = "me";
        settings.user_known_hosts_files = {folder.path("known_hosts")};
        settings.global_known_hosts_files = {"none"};
    }

    tl::expected<void, std::string> decide(std::span<const std::byte> shown) {
        const auto check = HostKeyCheck::make(settings, account);
        EXPECT_TRUE(check);
        return check->decide(shown, lines.log());
    }

    static std::string line(std::string_view host, std::span<const std::byte> blob) {
        return std::string{host} + " ssh-ed25519 " + ssh::encode_base64(blob) + "\n";
    }

    const TemporaryFolder folder;
    const Account account{"me", folder.path("home"), 1000};
    const std::vector<std::byte> key = ed25519_key(std::byte{1});
    const std::vector<std::byte> other = ed25519_key(std::byte{2});
    Settings settings;
    LogLines lines;
};

TEST_F(HostKeyCheckTest, ARecordedKeyIsAccepted) {
    folder.write("known_hosts", line("bastion.example", key));

    EXPECT_TRUE(decide(key));
}

TEST_F(HostKeyCheckTest, TheHostNameIsLookedUpAndNotTheNameThatWasTyped) {
    folder.write("known_hosts", line("bastion", key));

    EXPECT_FALSE(decide(key));
}

TEST_F(HostKeyCheckTest, AnotherPortHasANameOfItsOwn) {
    settings.port = 2222;
    folder.write("known_hosts", line("[bastion.example]:2222", key));

    EXPECT_TRUE(decide(key));
    settings.port = 2223;
    EXPECT_FALSE(decide(key));
}

TEST_F(HostKeyCheckTest, EveryFileIsRead) {
    settings.user_known_hosts_files = {folder.path("missing"), folder.path("empty")};
    settings.global_known_hosts_files = {folder.path("global")};
    folder.write("empty", "");
    folder.write("global", line("bastion.example", key));

    EXPECT_TRUE(decide(key));
    EXPECT_FALSE(lines.contain("warning"));
}

TEST_F(HostKeyCheckTest, AnUnknownKeyIsRefusedWithWhatToDo) {
    settings.port = 2222;

    const auto decided = decide(key);

    ASSERT_FALSE(decided);
    for (const std::string& part : {std::string{"no host key is known for [Bastion.example]:2222"},
                                    "ED25519 " + ssh::fingerprint(key),
                                    std::string{"ssh -p 2222 Bastion.example"},
                                    std::string{"-o StrictHostKeyChecking=accept-new"}}) {
        EXPECT_NE(decided.error().find(part), std::string::npos) << decided.error();
    }
    EXPECT_EQ(decided.error().find('\n'), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(folder.path("known_hosts")));
}

TEST_F(HostKeyCheckTest, AChangedKeyIsRefusedWithFileAndLine) {
    folder.write("known_hosts", "# comment\n" + line("bastion.example", other));

    for (const StrictHostKeyChecking strict : {StrictHostKeyChecking::yes,
                                               StrictHostKeyChecking::accept_new,
                                               StrictHostKeyChecking::no}) {
        settings.strict_host_key_checking = strict;
        const auto decided = decide(key);

        ASSERT_FALSE(decided);
        for (const std::string& part :
             {folder.path("known_hosts") + ":2 says ED25519 " + ssh::fingerprint(other),
              "ssh-keygen -f '" + folder.path("known_hosts") + "' -R 'Bastion.example'"}) {
            EXPECT_NE(decided.error().find(part), std::string::npos) << decided.error();
        }
    }
    EXPECT_EQ(text_of_file(folder.path("known_hosts")),
              "# comment\n" + line("bastion.example", other));
}

TEST_F(HostKeyCheckTest, ARevokedKeyIsAlwaysRefused) {
    folder.write("known_hosts",
                 line("bastion.example", key) + "@revoked " + line("bastion.example", key));

    for (const StrictHostKeyChecking strict :
         {StrictHostKeyChecking::yes, StrictHostKeyChecking::no}) {
        settings.strict_host_key_checking = strict;
        const auto decided = decide(key);

        ASSERT_FALSE(decided);
        EXPECT_NE(decided.error().find("known_hosts:2"), std::string::npos) << decided.error();
    }
}

TEST_F(HostKeyCheckTest, AcceptNewRecordsTheKeyInLowerCaseAndKnowsItFromThenOn) {
    settings.strict_host_key_checking = StrictHostKeyChecking::accept_new;
    folder.write("known_hosts", "# no line feed");

    EXPECT_TRUE(decide(key));

    EXPECT_EQ(text_of_file(folder.path("known_hosts")),
              "# no line feed\n" + line("bastion.example", key));
    EXPECT_TRUE(lines.contain("permanently added the ED25519 host key " + ssh::fingerprint(key)));
    settings.strict_host_key_checking = StrictHostKeyChecking::yes;
    EXPECT_TRUE(decide(key));
    EXPECT_FALSE(decide(other));
}

TEST_F(HostKeyCheckTest, AcceptNewRecordsThePort) {
    settings.strict_host_key_checking = StrictHostKeyChecking::no;
    settings.port = 2222;

    EXPECT_TRUE(decide(key));

    EXPECT_EQ(text_of_file(folder.path("known_hosts")), line("[bastion.example]:2222", key));
    EXPECT_EQ(permissions_of(folder.path("known_hosts")), 0600U);
}

TEST_F(HostKeyCheckTest, TheSshFolderIsMadeForItsUserOnly) {
    settings.strict_host_key_checking = StrictHostKeyChecking::accept_new;
    settings.user_known_hosts_files = {};
    ASSERT_EQ(::mkdir(folder.path("home").c_str(), 0755), 0);

    EXPECT_TRUE(decide(key));

    EXPECT_EQ(permissions_of(folder.path("home/.ssh")), 0700U);
    EXPECT_EQ(text_of_file(folder.path("home/.ssh/known_hosts")), line("bastion.example", key));
}

TEST_F(HostKeyCheckTest, AKeyThatCannotBeRecordedIsAcceptedWithAWarning) {
    settings.strict_host_key_checking = StrictHostKeyChecking::accept_new;
    settings.user_known_hosts_files = {folder.path("no/such/folder/known_hosts")};

    EXPECT_TRUE(decide(key));
    EXPECT_TRUE(lines.contain("cannot record it in"));

    settings.user_known_hosts_files = {"none"};
    EXPECT_TRUE(decide(key));
    EXPECT_TRUE(lines.contain("unrecorded"));
}

TEST_F(HostKeyCheckTest, ANameWithPatternCharactersIsNeverRecorded) {
    settings.strict_host_key_checking = StrictHostKeyChecking::accept_new;
    settings.host_name = "*";

    EXPECT_TRUE(decide(key));

    EXPECT_FALSE(std::filesystem::exists(folder.path("known_hosts")));
}

TEST_F(HostKeyCheckTest, AFileThatCannotBeReadIsAWarningAndTrustsNobody) {
    settings.user_known_hosts_files = {folder.path("large"), folder.path("pipe")};
    folder.write("large", "");
    std::filesystem::resize_file(folder.path("large"), known_hosts_file_bytes_max + 1);
    ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);

    EXPECT_FALSE(decide(key));

    EXPECT_TRUE(lines.contain("large is ignored: the file is too large"));
    EXPECT_TRUE(lines.contain("pipe is ignored: not a regular file"));
}

TEST_F(HostKeyCheckTest, FileNamesAreExpanded) {
    settings.user_known_hosts_files = {"~/%h.%p"};
    ASSERT_EQ(::mkdir(folder.path("home").c_str(), 0700), 0);
    folder.write("home/Bastion.example.22", line("bastion.example", key));

    EXPECT_TRUE(decide(key));

    settings.user_known_hosts_files = {"~/%z"};
    EXPECT_FALSE(HostKeyCheck::make(settings, account));
}

TEST_F(HostKeyCheckTest, TellsWhichKeyTypesAreRecorded) {
    folder.write("known_hosts", line("bastion.example", key) + line("bastion.example", other));
    const auto check = HostKeyCheck::make(settings, account);
    ASSERT_TRUE(check);

    EXPECT_EQ(check->recorded_key_types(), std::vector<std::string>{"ssh-ed25519"});
}

}  // namespace
}  // namespace caponier::client
