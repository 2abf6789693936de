// Host keys against known_hosts files on disk.

#include "engine/client/host_key_check.h"

#include <algorithm>
#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

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

    tl::expected<void, std::string> decide(std::span<const std::byte> shown,
                                           bool peer_is_loopback = false) {
        auto check = HostKeyCheck::make(settings, account);
        EXPECT_TRUE(check);
        return decide_again(*check, shown, peer_is_loopback);
    }

    /// As a later session of the process that made the check.
    tl::expected<void, std::string> decide_again(HostKeyCheck& check,
                                                 std::span<const std::byte> shown,
                                                 bool peer_is_loopback = false) {
        return check.decide({.blob = shown, .now_s = now, .peer_is_loopback = peer_is_loopback},
                            person,
                            lines.log());
    }

    void expect_refusal(const tl::expected<void, std::string>& decided,
                        std::initializer_list<std::string> parts) {
        ASSERT_FALSE(decided);
        for (const std::string& part : parts) {
            EXPECT_NE(decided.error().find(part), std::string::npos) << decided.error();
        }
        EXPECT_EQ(decided.error().find('\n'), std::string::npos) << decided.error();
    }

    static std::string line(std::string_view host, std::span<const std::byte> blob) {
        return std::string{host} + " ssh-ed25519 " + ssh::encode_base64(blob) + "\n";
    }

    const TemporaryFolder folder;
    const Account account{"me", folder.path("home"), 1000};
    const std::vector<std::byte> key = ed25519_key(std::byte{1});
    const std::vector<std::byte> other = ed25519_key(std::byte{2});
    std::uint64_t now = 1'800'000'000;
    Settings settings;
    AskPerson person;  ///< nobody
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
              "ssh-keygen -f '" + folder.path("known_hosts") + "' -R 'bastion.example'"}) {
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

// A line behind the others of a large file is a line. Otherwise accept-new would believe a changed
// or a revoked key and put it on record.
TEST_F(HostKeyCheckTest, AFileIsReadWhateverItsSize) {
    settings.strict_host_key_checking = StrictHostKeyChecking::accept_new;
    std::string much;
    while (much.size() < 5U * 1024 * 1024) {
        much += line("host" + std::to_string(much.size()) + ".example", other);
    }
    const std::string changed = much + line("bastion.example", other);
    folder.write("known_hosts", changed);
    expect_refusal(decide(key), {"is not the recorded one"});
    EXPECT_EQ(text_of_file(folder.path("known_hosts")).size(), changed.size());

    folder.write("known_hosts", much + "@revoked " + line("*", key));
    expect_refusal(decide(key), {"is revoked in"});

    folder.write("known_hosts", much + line("bastion.example", key));
    EXPECT_TRUE(decide(key));
}

TEST_F(HostKeyCheckTest, ALongLineCounts) {
    settings.strict_host_key_checking = StrictHostKeyChecking::accept_new;
    std::string names = "bastion.example";
    for (int i = 0; i < 2'000; ++i) {
        names += ",host" + std::to_string(i) + ".example";
    }
    folder.write("known_hosts", "@revoked " + line(names, key));
    expect_refusal(decide(key), {"is revoked in"});

    folder.write("known_hosts", line(names, other));
    expect_refusal(decide(key), {"is not the recorded one"});
}

// ssh takes such a file for an empty one: fopen() or getline() fails, and what accept-new and `no`
// then believe is what the file may revoke.
TEST_F(HostKeyCheckTest, AFileThatIsThereAndCannotBeReadRefusesEveryHost) {
    folder.write("good", line("bastion.example", key));
    folder.write("long", "# " + std::string(2U * 1024 * 1024, 'x') + "\n");
    std::string many;
    for (std::size_t i = 0; i <= ssh::known_hosts_entries_max; ++i) {
        many += line("bastion.example", key);
    }
    folder.write("many", many);
    ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
    ASSERT_EQ(::symlink("loop", folder.path("loop").c_str()), 0);

    for (const auto& [name, why] :
         {std::pair{"pipe", "cannot be read: not a regular file"},
          std::pair{"", "cannot be read: not a regular file"},
          std::pair{"loop", "cannot be read: Too many levels of symbolic links"},
          std::pair{"long", "cannot be read: line 1 is longer than"},
          std::pair{"many", "cannot be read: more than 16384 lines name the host"}}) {
        for (const StrictHostKeyChecking strict : {StrictHostKeyChecking::yes,
                                                   StrictHostKeyChecking::accept_new,
                                                   StrictHostKeyChecking::no}) {
            settings.strict_host_key_checking = strict;
            settings.user_known_hosts_files = {folder.path("good"), folder.path(name)};
            settings.global_known_hosts_files = {"none"};
            expect_refusal(decide(key), {"no host is believed, because UserKnownHostsFile", why});

            settings.user_known_hosts_files = {folder.path("good")};
            settings.global_known_hosts_files = {folder.path(name)};
            expect_refusal(decide(key), {"no host is believed, because GlobalKnownHostsFile", why});
        }
    }
    EXPECT_EQ(text_of_file(folder.path("good")), line("bastion.example", key));
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

TEST_F(HostKeyCheckTest, AnAliasIsLookedUpInThePlaceOfHostAndPort) {
    settings.host_key_alias = "Alias";
    settings.port = 2222;
    folder.write("known_hosts", line("alias", key));

    EXPECT_TRUE(decide(key));
    expect_refusal(decide(other), {"the host key of alias ", "-R 'alias'"});

    folder.write("known_hosts", line("[bastion.example]:2222", key));
    expect_refusal(decide(key), {"ssh -o HostKeyAlias='alias' -p 2222 Bastion.example"});
}

TEST_F(HostKeyCheckTest, AnAliasIsWhatIsRecorded) {
    settings.strict_host_key_checking = StrictHostKeyChecking::accept_new;
    settings.host_key_alias = "Alias";
    settings.port = 2222;

    EXPECT_TRUE(decide(key));

    EXPECT_EQ(text_of_file(folder.path("known_hosts")), line("alias", key));
}

TEST_F(HostKeyCheckTest, ANameIsRecordedHashedSoThatSshKeygenFindsIt) {
    settings.strict_host_key_checking = StrictHostKeyChecking::accept_new;
    settings.hash_known_hosts = true;
    settings.port = 2222;

    EXPECT_TRUE(decide(key));

    const std::string text = text_of_file(folder.path("known_hosts"));
    EXPECT_TRUE(text.starts_with("|1|")) << text;
    EXPECT_EQ(text.find("bastion"), std::string::npos);
    EXPECT_TRUE(run_program(
        {"ssh-keygen", "-F", "[bastion.example]:2222", "-f", folder.path("known_hosts")}));
    EXPECT_FALSE(
        run_program({"ssh-keygen", "-F", "bastion.example", "-f", folder.path("known_hosts")}));
    settings.strict_host_key_checking = StrictHostKeyChecking::yes;
    EXPECT_TRUE(decide(key));
}

TEST_F(HostKeyCheckTest, EveryHashHasASaltOfItsOwn) {
    settings.strict_host_key_checking = StrictHostKeyChecking::accept_new;
    settings.hash_known_hosts = true;
    ASSERT_TRUE(decide(key));
    const std::string first = text_of_file(folder.path("known_hosts"));
    folder.write("known_hosts", "");

    ASSERT_TRUE(decide(key));

    EXPECT_NE(text_of_file(folder.path("known_hosts")), first);
}

TEST_F(HostKeyCheckTest, TheLineThatConflictsIsRemovedByTheCommandThatIsTold) {
    folder.write("known_hosts", line("other.example", key) + line("bastion.example", other));
    ASSERT_TRUE(run_program({"ssh-keygen", "-H", "-f", folder.path("known_hosts")}));
    expect_refusal(decide(key),
                   {folder.path("known_hosts") + ":2 says",
                    "ssh-keygen -f '" + folder.path("known_hosts") + "' -R 'bastion.example'"});

    ASSERT_TRUE(
        run_program({"ssh-keygen", "-f", folder.path("known_hosts"), "-R", "bastion.example"}));

    expect_refusal(decide(key), {"no host key is known"});
}

TEST_F(HostKeyCheckTest, LocalhostIsBelievedOnlyIfThatWasAskedFor) {
    folder.write("known_hosts", line("bastion.example", other));
    EXPECT_FALSE(decide(key, true));

    settings.no_host_authentication_for_localhost = true;
    EXPECT_TRUE(decide(key, true));
    EXPECT_FALSE(decide(key, false));

    settings.host_key_alias = "alias";
    EXPECT_FALSE(decide(key, true));
}

TEST_F(HostKeyCheckTest, SkippedLinesAreTold) {
    folder.write("known_hosts",
                 "@revokd * " + line("x", key) + "bastion.example ssh-ed25519 !!!\n" +
                     line("bastion.example", key));

    EXPECT_TRUE(decide(key));

    EXPECT_TRUE(lines.contain("known_hosts:1 is skipped: its marker is unknown")) << lines.all();
    EXPECT_TRUE(lines.contain("known_hosts:2 is skipped: it holds no key that can be read"));
}

TEST_F(HostKeyCheckTest, MoreSkippedLinesAreCounted) {
    std::string text;
    for (int i = 0; i < 20; ++i) {
        text += "bastion.example rubbish\n";
    }
    folder.write("known_hosts", text + line("bastion.example", key));

    EXPECT_TRUE(decide(key));

    EXPECT_TRUE(lines.contain("warning: 4 more lines of known_hosts files are skipped"));
}

// ---- what was believed before ------------------------------------------------------------------

class BelievedKeyTest : public HostKeyCheckTest {
  protected:
    /// All sessions of one process.
    HostKeyCheck process() {
        auto check = HostKeyCheck::make(settings, account);
        EXPECT_TRUE(check);
        return *std::move(check);
    }
};

TEST_F(BelievedKeyTest, BindsTheLaterSessionsWhereItCannotBeRecorded) {
    for (const std::string& file : {folder.path("no/such/folder/known_hosts"),
                                    std::string{"/dev/null"},
                                    std::string{"none"}}) {
        for (const StrictHostKeyChecking strict :
             {StrictHostKeyChecking::accept_new, StrictHostKeyChecking::no}) {
            settings.strict_host_key_checking = strict;
            settings.user_known_hosts_files = {file};
            HostKeyCheck check = process();

            EXPECT_TRUE(decide_again(check, key)) << file;
            const std::string said = lines.all();
            expect_refusal(decide_again(check, other),
                           {"Bastion.example is not the one that this program has believed",
                            "shows ED25519 " + ssh::fingerprint(other),
                            "before it was ED25519 " + ssh::fingerprint(key)});
            EXPECT_TRUE(decide_again(check, key)) << file;

            EXPECT_EQ(lines.all(),
                      said + "host key of Bastion.example is the one that was accepted before\n")
                << "the warning came twice";
        }
    }
}

TEST_F(BelievedKeyTest, IsRevokedOrContradictedByWhatIsRecordedSince) {
    settings.strict_host_key_checking = StrictHostKeyChecking::accept_new;
    settings.user_known_hosts_files = {"/dev/null"};
    settings.global_known_hosts_files = {folder.path("known_hosts")};
    HostKeyCheck check = process();
    ASSERT_TRUE(decide_again(check, key));

    folder.write("known_hosts", "@revoked " + line("*", key));
    expect_refusal(decide_again(check, key), {"is revoked"});

    folder.write("known_hosts", line("bastion.example", other));
    expect_refusal(decide_again(check, key), {"is not the recorded one"});
    EXPECT_TRUE(decide_again(check, other)) << "somebody has recorded the new key";
}

// Whoever replaces the file writes it anew, and for a moment it is empty.
TEST_F(BelievedKeyTest, WasRecordedInAFileThatIsEmptyNow) {
    settings.strict_host_key_checking = StrictHostKeyChecking::accept_new;
    folder.write("known_hosts", line("bastion.example", key));
    HostKeyCheck check = process();
    ASSERT_TRUE(decide_again(check, key));

    folder.write("known_hosts", "");
    expect_refusal(decide_again(check, other), {"is not the one that this program has believed"});
    EXPECT_EQ(text_of_file(folder.path("known_hosts")), "");
    EXPECT_TRUE(decide_again(check, key));
    EXPECT_EQ(text_of_file(folder.path("known_hosts")), line("bastion.example", key));
}

TEST_F(BelievedKeyTest, IsNoReasonToBelieveItWhereCheckingIsStrict) {
    folder.write("known_hosts", line("bastion.example", key));
    HostKeyCheck check = process();
    ASSERT_TRUE(decide_again(check, key));

    folder.write("known_hosts", "");

    expect_refusal(decide_again(check, key), {"no host key is known"});
}

// ---- ask ---------------------------------------------------------------------------------------

class HostKeyQuestionTest : public HostKeyCheckTest {
  protected:
    HostKeyQuestionTest() {
        settings.strict_host_key_checking = StrictHostKeyChecking::ask;
        person = [this](const std::string& question) {
            questions.push_back(question);
            const std::optional<std::string> answer =
                answers.empty() ? std::nullopt : std::optional{answers.front()};
            answers.erase(answers.begin(), answers.begin() + (answers.empty() ? 0 : 1));
            return answer;
        };
    }

    std::vector<std::string> answers;
    std::vector<std::string> questions;
};

TEST_F(HostKeyQuestionTest, AYesAcceptsAndRecords) {
    for (const std::string& answer :
         {std::string{"yes"}, std::string{"YES"}, ssh::fingerprint(key)}) {
        folder.write("known_hosts", "");
        answers = {answer};

        EXPECT_TRUE(decide(key)) << answer;

        EXPECT_EQ(text_of_file(folder.path("known_hosts")), line("bastion.example", key));
    }
    EXPECT_EQ(questions.front(),
              "The authenticity of host 'Bastion.example' can't be established.\n"
              "ED25519 key fingerprint is " +
                  ssh::fingerprint(key) +
                  ".\n"
                  "Are you sure you want to continue connecting (yes/no/[fingerprint])? ");
}

TEST_F(HostKeyQuestionTest, ANoOrNoAnswerRefuses) {
    for (const std::vector<std::string>& said : {std::vector<std::string>{"no"},
                                                 std::vector<std::string>{},
                                                 std::vector<std::string>{""}}) {
        answers = said;

        expect_refusal(decide(key), {"was not accepted", ssh::fingerprint(key)});
    }
    EXPECT_FALSE(std::filesystem::exists(folder.path("known_hosts")));
}

TEST_F(HostKeyQuestionTest, IsPutOnceInAProcessWhereTheAnswerCannotBeRecorded) {
    settings.user_known_hosts_files = {"/dev/null"};
    auto check = HostKeyCheck::make(settings, account);
    ASSERT_TRUE(check);
    answers = {"yes", "yes", "yes"};
    EXPECT_TRUE(decide_again(*check, key));

    EXPECT_TRUE(decide_again(*check, key));
    EXPECT_FALSE(decide_again(*check, other)) << "a changed key is not asked about";
    person = {};
    EXPECT_TRUE(decide_again(*check, key)) << "the answer holds when nobody is there any more";

    EXPECT_EQ(questions.size(), 1U);
}

TEST_F(HostKeyQuestionTest, AnythingElseIsAskedAgain) {
    answers = {"y", ssh::fingerprint(other), "maybe", "no"};

    EXPECT_FALSE(decide(key));

    EXPECT_EQ(questions.size(), 4U);
    EXPECT_EQ(questions.back(), "Please type 'yes', 'no' or the fingerprint: ");
}

TEST_F(HostKeyQuestionTest, IsNotPutAboutAKeyThatChangedOrIsKnown) {
    answers = {"yes", "yes"};
    folder.write("known_hosts", line("bastion.example", key));

    EXPECT_TRUE(decide(key));
    EXPECT_FALSE(decide(other));

    EXPECT_TRUE(questions.empty());
}

TEST_F(HostKeyQuestionTest, IsNotPutWhereCheckingIsStrictOrNobodyIsThere) {
    answers = {"yes"};
    settings.strict_host_key_checking = StrictHostKeyChecking::yes;
    expect_refusal(decide(key), {"no host key is known"});
    EXPECT_TRUE(questions.empty());

    settings.strict_host_key_checking = StrictHostKeyChecking::ask;
    person = {};
    expect_refusal(decide(key), {"no host key is known"});
}

// ---- RevokedHostKeys ---------------------------------------------------------------------------

TEST_F(HostKeyCheckTest, AKeyOnTheListOfRevokedKeysIsRefused) {
    folder.write("known_hosts", line("bastion.example", key));
    settings.revoked_host_keys_files = {folder.path("revoked")};
    folder.write("revoked", "# none\n");
    EXPECT_TRUE(decide(key));

    folder.write("revoked", "# stolen\n" + line("", key).substr(1));

    expect_refusal(decide(key), {"revoked in " + folder.path("revoked") + ":2"});
    settings.no_host_authentication_for_localhost = true;
    EXPECT_FALSE(decide(key, true));
}

TEST_F(HostKeyCheckTest, AListOfRevokedKeysIsReadWhateverItsSize) {
    folder.write("known_hosts", line("bastion.example", key));
    settings.revoked_host_keys_files = {folder.path("revoked")};
    std::string much;
    while (much.size() < 17U * 1024 * 1024) {
        much += line("", other).substr(1);
    }
    folder.write("revoked", much);
    EXPECT_TRUE(decide(key));

    folder.write("revoked", much + line("", key).substr(1));
    expect_refusal(decide(key), {"is revoked in " + folder.path("revoked")});
}

TEST_F(HostKeyCheckTest, AListOfRevokedKeysThatCannotBeReadRefusesEveryHost) {
    folder.write("known_hosts", line("bastion.example", key));
    settings.revoked_host_keys_files = {folder.path("revoked")};

    expect_refusal(decide(key), {"no host is believed", "No such file"});
    folder.write("revoked", "rubbish\n");
    expect_refusal(decide(key), {"no host is believed", "line 1 is no public key"});

    make_key_pair(folder.path("stolen"));
    ASSERT_TRUE(run_program(
        {"ssh-keygen", "-q", "-k", "-f", folder.path("revoked"), folder.path("stolen.pub")}));
    expect_refusal(decide(key), {"no host is believed", "KRL"});

    settings.revoked_host_keys_files = {"none"};
    EXPECT_TRUE(decide(key));
}

// ---- certificates ------------------------------------------------------------------------------

class HostCertificateCheckTest : public HostKeyCheckTest {
  protected:
    HostCertificateCheckTest()
        : authority(make_key_pair(folder.path("ca"))), host(make_key_pair(folder.path("host"))) {}

    /// Made by ssh-keygen -s with the authority's key.
    std::vector<std::byte> certificate(const std::string& names,
                                       const std::string& validity = "always:forever") {
        EXPECT_TRUE(run_program({"ssh-keygen",
                                 "-q",
                                 "-s",
                                 folder.path("ca"),
                                 "-I",
                                 "the bastion",
                                 "-h",
                                 "-n",
                                 names,
                                 "-V",
                                 validity,
                                 folder.path("host.pub")}));
        return ssh::parse_public_key_file(text_of_file(folder.path("host-cert.pub")))->blob;
    }

    const std::vector<std::byte> authority;
    const std::vector<std::byte> host;
};

TEST_F(HostCertificateCheckTest, ATrustedAuthorityIsEnough) {
    folder.write("known_hosts", "@cert-authority " + line("*.example", authority));

    EXPECT_TRUE(decide(certificate("bastion.example")));
    EXPECT_TRUE(decide(certificate("other.example,*.example")));
    EXPECT_TRUE(
        lines.contain("host certificate \"the bastion\" of Bastion.example is signed by the "
                      "authority in " +
                      folder.path("known_hosts") + ":1"));
}

TEST_F(HostCertificateCheckTest, NobodysAuthorityIsNot) {
    expect_refusal(decide(certificate("bastion.example")),
                   {"no host key is known for Bastion.example",
                    "its host certificate is signed by " + ssh::fingerprint(authority),
                    "@cert-authority"});
}

TEST_F(HostCertificateCheckTest, ACertificateThatDoesNotHoldIsNotEnough) {
    folder.write("known_hosts", "@cert-authority " + line("*", authority));

    expect_refusal(decide(certificate("other.example")),
                   {"\"the bastion\" does not list this host"});
    expect_refusal(decide(certificate("bastion.example", "20200101:20210101")), {"is expired"});
    expect_refusal(decide(certificate("bastion.example", "20900101:21000101")),
                   {"is not yet valid"});
}

// check_host_key(): "No matching CA found. Retry with plain key".
TEST_F(HostCertificateCheckTest, ThePlainKeyMayBeOnRecordAllTheSame) {
    folder.write("known_hosts", line("bastion.example", host));
    EXPECT_TRUE(decide(certificate("bastion.example")));
    EXPECT_FALSE(lines.contain("warning")) << "nobody trusts the authority, which is no news";

    folder.write("known_hosts",
                 line("bastion.example", host) + "@cert-authority " + line("*", authority));
    EXPECT_TRUE(decide(certificate("bastion.example", "20200101:20210101")));
    EXPECT_TRUE(lines.contain("warning: Bastion.example is believed for its plain host key"))
        << lines.all();
}

// check_host_key() of later OpenSSH: "host key %s not permitted by HostkeyAlgorithms". Anybody can
// make a certificate, and accept-new would believe the key in it.
TEST_F(HostCertificateCheckTest, ThePlainKeyIsNotEnoughWhereOnlyCertificatesAreAskedFor) {
    settings.algorithms.host_key = {"ssh-ed25519-cert-v01@openssh.com"};
    settings.strict_host_key_checking = StrictHostKeyChecking::accept_new;
    folder.write("known_hosts", "");
    expect_refusal(decide(certificate("bastion.example")),
                   {"HostKeyAlgorithms allows Bastion.example no plain ED25519 host key",
                    "which no @cert-authority line trusts"});
    EXPECT_EQ(text_of_file(folder.path("known_hosts")), "");
    folder.write("known_hosts", line("bastion.example", host));
    EXPECT_FALSE(decide(certificate("bastion.example")));

    settings.algorithms.host_key.emplace_back("ssh-ed25519");
    EXPECT_TRUE(decide(certificate("bastion.example")));
    settings.algorithms.host_key.pop_back();
    folder.write("known_hosts", "@cert-authority " + line("*", authority));
    EXPECT_TRUE(decide(certificate("bastion.example")));
}

TEST_F(HostCertificateCheckTest, AcceptNewRecordsThePlainKey) {
    settings.strict_host_key_checking = StrictHostKeyChecking::accept_new;

    EXPECT_TRUE(decide(certificate("bastion.example")));

    EXPECT_EQ(text_of_file(folder.path("known_hosts")), line("bastion.example", host));
}

TEST_F(HostCertificateCheckTest, ARevokedKeyOrAuthorityIsRefusedWhateverElseHolds) {
    const std::vector<std::byte> good = certificate("bastion.example");
    const std::string trusted =
        line("bastion.example", host) + "@cert-authority " + line("*", authority);
    for (const std::vector<std::byte>& revoked : {host, authority}) {
        folder.write("known_hosts", trusted + "@revoked " + line("*", revoked));
        expect_refusal(decide(good), {"revoked in " + folder.path("known_hosts") + ":3"});

        folder.write("known_hosts", trusted);
        folder.write("revoked", line("", revoked).substr(1));
        settings.revoked_host_keys_files = {folder.path("revoked")};
        expect_refusal(decide(good), {"revoked in " + folder.path("revoked") + ":1"});
        settings.revoked_host_keys_files = {};
    }
}

// Whoever is in the way need not show a certificate.
TEST_F(HostCertificateCheckTest, AHostThatAnAuthorityVouchedForIsNotNewWithoutACertificate) {
    settings.strict_host_key_checking = StrictHostKeyChecking::accept_new;
    folder.write("known_hosts", "@cert-authority " + line("*", authority));
    auto check = HostKeyCheck::make(settings, account);
    ASSERT_TRUE(check);
    ASSERT_TRUE(decide_again(*check, certificate("bastion.example")));

    expect_refusal(decide_again(*check, other), {"is not the one that this program has believed"});
    EXPECT_TRUE(decide_again(*check, certificate("bastion.example")));
}

TEST_F(HostCertificateCheckTest, AnAliasIsTheNameThatTheCertificateHasToList) {
    settings.host_key_alias = "alias.example";
    settings.port = 2222;
    folder.write("known_hosts", "@cert-authority " + line("alias.example", authority));

    EXPECT_TRUE(decide(certificate("alias.example")));
    EXPECT_FALSE(decide(certificate("bastion.example")));
    settings.host_key_alias = "Alias.Example";
    EXPECT_TRUE(decide(certificate("alias.example")));
}

TEST_F(HostCertificateCheckTest, ACertificateThatCannotBeParsedIsRefused) {
    std::vector<std::byte> broken = certificate("bastion.example");
    broken.pop_back();

    expect_refusal(decide(broken), {"the host certificate of Bastion.example cannot be used"});
}

TEST_F(HostCertificateCheckTest, CertificatesAreAskedForFirst) {
    folder.write("known_hosts", "@cert-authority " + line("*", authority));
    const auto check = HostKeyCheck::make(settings, account);
    ASSERT_TRUE(check);

    const std::vector<std::string> types = check->recorded_key_types();
    EXPECT_NE(std::find(types.begin(), types.end(), "ssh-ed25519-cert-v01@openssh.com"),
              types.end());
}

}  // namespace
}  // namespace caponier::client
