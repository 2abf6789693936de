// The order in which keys are offered, which files are not, and what is told at the end.

#include "engine/client/identities.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "ssh/keys/base64.h"
#include "ssh/keys/public_key.h"
#include "ssh/wire/bytes.h"
#include "tests/unit/client/temporary_folder.h"

namespace caponier::client {
namespace {

class IdentitiesTest : public testing::Test {
  protected:
    /// The names of all identities that are offered, in order.
    std::vector<std::string> offered() {
        identities.emplace(sources, agent_keys, lines.log());
        std::vector<std::string> names;
        while (const Identity* identity = identities->next(files, lines.log())) {
            names.push_back(identity->name());
        }
        return names;
    }

    std::string add_file(const std::string& name,
                         const std::string& type = "ed25519",
                         const std::string& passphrase = "") {
        const std::string path = folder.path(name);
        blobs.push_back(make_key_pair(path, type, passphrase));
        sources.files.push_back(path);
        return path;
    }

    void add_agent_key(std::vector<std::byte> blob, std::string comment) {
        agent_keys.push_back({std::move(blob), std::move(comment)});
    }

    static std::vector<std::byte> some_key(int number) {
        const std::vector<std::byte> point(32, static_cast<std::byte>(number));
        return ssh::make_public_key_blob({.type = ssh::KeyType::ed25519,
                                          .bits = 256,
                                          .point = point,
                                          .exponent = {},
                                          .modulus = {}});
    }

    const TemporaryFolder folder;
    IdentitySources sources{
        .files = {}, .certificates = {}, .files_given = true, .identities_only = false};
    KeyFiles files{nullptr, 3};
    std::vector<AgentKey> agent_keys;
    std::vector<std::vector<std::byte>> blobs;
    std::optional<Identities> identities;
    LogLines lines;
};

using Names = std::vector<std::string>;

// Item 89.
TEST_F(IdentitiesTest, KeysOfTheAgentThatAFileNamesComeFirstThenItsOthersThenFiles) {
    const std::string first = add_file("first");
    const std::string second = add_file("second");
    add_agent_key(some_key(1), "other");
    add_agent_key(blobs[1], "second");

    EXPECT_EQ(offered(), (Names{second, "agent key 'other'", first}));
    EXPECT_EQ(identities->find(blobs[1])->in_agent, Identity::InAgent::as_it_is);
    EXPECT_EQ(identities->find(blobs[0])->in_agent, Identity::InAgent::no);
}

// Item 89.
TEST_F(IdentitiesTest, WithIdentitiesOnlyTheAgentsOtherKeysAreNotOffered) {
    const std::string first = add_file("first");
    sources.identities_only = true;
    add_agent_key(some_key(1), "other");
    add_agent_key(blobs[0], "first");

    EXPECT_EQ(offered(), Names{first});
    EXPECT_EQ(identities->find(blobs[0])->in_agent, Identity::InAgent::as_it_is);
}

TEST_F(IdentitiesTest, APublicKeyFileStandsForTheAgentsKey) {
    const std::string path = add_file("id");
    sources.files = {path + ".pub"};
    sources.identities_only = true;
    add_agent_key(blobs[0], "id");

    EXPECT_EQ(offered(), Names{path + ".pub"});

    agent_keys.clear();
    EXPECT_EQ(offered(), Names{});
}

TEST_F(IdentitiesTest, APrivateKeyNeedsNoPublicFile) {
    const std::string path = add_file("id");
    std::filesystem::remove(path + ".pub");

    EXPECT_EQ(offered(), Names{path});
    EXPECT_NE(identities->find(blobs[0]), nullptr);
}

TEST_F(IdentitiesTest, AKeyIsOfferedOnce) {
    const std::string path = add_file("id");
    sources.files.push_back(path);

    EXPECT_EQ(offered(), Names{path});
}

TEST_F(IdentitiesTest, APrivateKeyThatOthersCanReadIsRefusedInTheWordsOfSsh) {
    const std::string path = add_file("id");
    ASSERT_EQ(::chmod(path.c_str(), 0644), 0);

    EXPECT_EQ(offered(), Names{});

    EXPECT_TRUE(lines.contain("Permissions 0644 for '" + path + "' are too open"));
    // In the end it is not told again, only named.
    EXPECT_EQ(identities->refusal().cause, "No key could be used (" + path + ": bad permissions).");
}

TEST_F(IdentitiesTest, AnEncryptedKeyIsSkippedUnlessTheAgentHasIt) {
    const std::string path = add_file("id", "ed25519", "a passphrase");

    EXPECT_EQ(offered(), Names{});
    EXPECT_TRUE(lines.contain("protected by a passphrase: add it to an agent with ssh-add"));

    add_agent_key(blobs[0], "id");
    EXPECT_EQ(offered(), Names{path});
}

TEST_F(IdentitiesTest, AFileThatIsNoKeyIsSkipped) {
    sources.files = {folder.write("text", "hello\n"),
                     folder.write("large", std::string(100'000, 'x')),
                     folder.path("pipe"),
                     folder.path("missing")};
    ASSERT_EQ(::mkfifo(sources.files[2].c_str(), 0600), 0);

    EXPECT_EQ(offered(), Names{});

    EXPECT_TRUE(lines.contain("text is skipped: it is not a private key"));
    EXPECT_TRUE(lines.contain("large is skipped: the file is too large"));
    EXPECT_TRUE(lines.contain("pipe is skipped: not a regular file"));
    EXPECT_TRUE(lines.contain("missing is skipped: No such file or directory"));
}

TEST_F(IdentitiesTest, AMissingDefaultFileIsNoNews) {
    sources.files = {folder.path("missing")};
    sources.files_given = false;

    EXPECT_EQ(offered(), Names{});
    EXPECT_EQ(lines.all(), "");
    EXPECT_EQ(identities->refusal().cause, "There is no key to offer.");
}

// An old format does not tell its public half, so that the file beside it is believed, for a while.
TEST_F(IdentitiesTest, APublicFileOfAnotherKeyIsFoundOut) {
    const std::string path = add_file("id", "rsa");
    add_file("other");
    sources.files = {path};
    ASSERT_TRUE(
        run_program({"ssh-keygen", "-q", "-p", "-m", "PEM", "-P", "", "-N", "", "-f", path}));
    std::filesystem::copy_file(
        folder.path("other.pub"), path + ".pub", std::filesystem::copy_options::overwrite_existing);

    EXPECT_EQ(offered(), Names{});
    EXPECT_TRUE(lines.contain("its .pub file belongs to another key"));
}

TEST_F(IdentitiesTest, APublicFileBesideAKeyThatTellsItsPublicHalfIsNotNeeded) {
    const std::string path = add_file("id");
    add_file("other");
    sources.files = {path};
    std::filesystem::copy_file(
        folder.path("other.pub"), path + ".pub", std::filesystem::copy_options::overwrite_existing);

    EXPECT_EQ(offered(), Names{path});
    EXPECT_NE(identities->find(blobs[0]), nullptr);
}

// Item 89. How many are too many is the server's to say.
TEST_F(IdentitiesTest, AllAreOfferedHoweverManyThereAre) {
    constexpr int number = 100;
    for (int i = 0; i < number; ++i) {
        add_agent_key(some_key(i), "key " + std::to_string(i));
    }
    const std::string file = add_file("the one");

    EXPECT_EQ(offered().size(), number + 1U);
    EXPECT_NE(identities->find(blobs[0]), nullptr);
    // Nobody reads a hundred names.
    EXPECT_EQ(identities->refusal().cause,
              "The server refused all 101 keys that were offered: agent key 'key 0', agent key "
              "'key 1', agent key 'key 2', agent key 'key 3', agent key 'key 4', agent key 'key 5' "
              "and 95 more (-v lists them).");
}

TEST_F(IdentitiesTest, KeysThatTheEngineCannotUseDoNotCountAndAreExplained) {
    const std::string path = add_file("id", "rsa");
    for (const auto& [engine, why] :
         {std::pair{SshEngine::libssh2, "libssh2 1.10 uses RSA keys with SHA-1 only"},
          std::pair{SshEngine::native, "no signature algorithm for ssh-rsa keys"}}) {
        sources.engine = engine;
        identities.emplace(sources, agent_keys, lines.log());
        const Identity* const identity = identities->next(files, lines.log());
        ASSERT_NE(identity, nullptr);
        EXPECT_EQ(identity->algorithm(), "rsa-sha2-512");

        identities->last_was_not_usable();

        EXPECT_EQ(identities->next(files, lines.log()), nullptr);
        const std::string refusal = identities->refusal().cause;
        EXPECT_NE(refusal.find(path + ": " + why), std::string::npos) << refusal;
        EXPECT_EQ(refusal.find("refused"), std::string::npos);
    }
}

TEST_F(IdentitiesTest, WhatTheServerRefusedIsToldFromWhatItDidNot) {
    const std::string refused = add_file("refused");
    const std::string accepted = add_file("accepted");
    const std::string unsigned_one = add_file("unsigned");
    identities.emplace(sources, agent_keys, lines.log());
    ASSERT_NE(identities->next(files, lines.log()), nullptr);
    ASSERT_NE(identities->next(files, lines.log()), nullptr);
    identities->last_was_accepted();
    ASSERT_NE(identities->next(files, lines.log()), nullptr);

    identities->last_was_not_signed("the agent refused (is it locked?)");

    const Reason reason = identities->refusal();
    EXPECT_EQ(reason.cause, "The server refused the key that was offered: " + refused + ".");
    EXPECT_EQ(reason.remedy,
              "Check the user name, add the key to authorized_keys on the server, or name another "
              "key with -i. Not used: " +
                  unsigned_one + ": the agent refused (is it locked?).");
}

TEST_F(IdentitiesTest, WhatAnAgentSaysIsFiltered) {
    add_agent_key(some_key(1), "evil\x1b[2J\n");

    EXPECT_EQ(offered(), Names{"agent key 'evil\\x1b[2J\\x0a'"});
}

TEST_F(IdentitiesTest, AnEncryptedKeyIsOfferedWhereSomebodyCanBeAsked) {
    const std::string path = add_file("id", "ed25519", "a passphrase");
    std::filesystem::remove(path + ".pub");
    sources.can_ask = true;

    EXPECT_EQ(offered(), Names{path});
    EXPECT_NE(identities->find(blobs[0]), nullptr);
    EXPECT_FALSE(files.asked());
}

// An old format does not tell the public half, so that the passphrase comes first.
TEST_F(IdentitiesTest, AnEncryptedKeyInPemIsUnlockedToBeOffered) {
    const std::string path = add_file("id", "rsa", "a passphrase");
    std::filesystem::remove(path + ".pub");
    ASSERT_TRUE(run_program({"ssh-keygen",
                             "-q",
                             "-p",
                             "-m",
                             "PEM",
                             "-P",
                             "a passphrase",
                             "-N",
                             "a passphrase",
                             "-f",
                             path}));
    sources.can_ask = true;
    int questions = 0;
    files = KeyFiles{[&](const std::string& prompt) {
                         EXPECT_EQ(prompt, "Enter passphrase for key '" + path + "': ");
                         const std::string_view answer = questions++ == 0 ? "no" : "a passphrase";
                         return ssh::SecretBytes::copy_of(ssh::bytes_of(answer));
                     },
                     3};

    EXPECT_EQ(offered(), Names{path});

    EXPECT_EQ(questions, 2);
    EXPECT_TRUE(files.asked());
    EXPECT_NE(identities->find(blobs[0]), nullptr);
}

// ---- certificates ------------------------------------------------------------------------------

class CertificatesTest : public IdentitiesTest {
  protected:
    CertificatesTest() { make_key_pair(folder.path("ca")); }

    /// Signs `path`.pub; the certificate is beside it.
    [[nodiscard]] std::string certify(const std::string& path, bool for_host = false) const {
        std::vector<std::string> words{
            "ssh-keygen", "-q", "-s", folder.path("ca"), "-I", "me", "-n", "me"};
        if (for_host) {
            words.emplace_back("-h");
        }
        words.push_back(path + ".pub");
        EXPECT_TRUE(run_program(words));
        return path + "-cert.pub";
    }
    static std::vector<std::byte> blob_in(const std::string& path) {
        const auto key = ssh::parse_public_key_file(text_of_file(path));
        EXPECT_TRUE(key.has_value());
        return key ? key->blob : std::vector<std::byte>{};
    }
};

TEST_F(CertificatesTest, BesideAKeyComeBeforeIt) {
    const std::string path = add_file("id");
    const std::vector<std::byte> certificate = blob_in(certify(path));

    EXPECT_EQ(offered(), (Names{"certificate of " + path, path}));
    const Identity* const identity = identities->find(certificate);
    ASSERT_NE(identity, nullptr);
    EXPECT_EQ(identity->algorithm(), "ssh-ed25519-cert-v01@openssh.com");
    EXPECT_EQ(identity->plain, blobs[0]);
}

TEST_F(CertificatesTest, OfRsaKeysAreOfferedWithSha2) {
    const std::string path = add_file("id", "rsa");
    const std::vector<std::byte> certificate = blob_in(certify(path));

    EXPECT_EQ(offered(), (Names{"certificate of " + path, path}));
    EXPECT_EQ(identities->find(certificate)->algorithm(), "rsa-sha2-512-cert-v01@openssh.com");
}

TEST_F(CertificatesTest, ThatAreNamedComeFirstAndAlone) {
    const std::string first = add_file("first");
    const std::string second = add_file("second");
    static_cast<void>(certify(first));
    const std::string named = certify(second);
    std::filesystem::rename(named, folder.path("elsewhere.pub"));
    sources.certificates = {folder.path("elsewhere.pub")};

    EXPECT_EQ(offered(), (Names{"certificate of " + second, first, second}));
}

TEST_F(CertificatesTest, AreSignedForWithTheAgentsPlainKey) {
    const std::string path = add_file("id");
    const std::vector<std::byte> certificate = blob_in(certify(path));
    std::filesystem::remove(path);
    add_agent_key(blobs[0], "id");
    sources.identities_only = true;

    EXPECT_EQ(offered(), (Names{path, "certificate of " + path}));

    const Identity* const identity = identities->find(certificate);
    EXPECT_EQ(identity->in_agent, Identity::InAgent::plain);
    EXPECT_TRUE(std::ranges::equal(identity->agent_blob(), blobs[0]));
}

TEST_F(CertificatesTest, OfTheAgentAreOfferedBeforeItsKeys) {
    const std::string path = add_file("id");
    const std::vector<std::byte> certificate = blob_in(certify(path));
    sources.files.clear();
    add_agent_key(blobs[0], "plain");
    add_agent_key(certificate, "signed");

    EXPECT_EQ(offered(), (Names{"certificate of agent key 'signed'", "agent key 'plain'"}));
    EXPECT_EQ(identities->find(certificate)->in_agent, Identity::InAgent::as_it_is);
}

TEST_F(CertificatesTest, OfHostsAreNotAUsers) {
    const std::string path = add_file("id");
    const std::string certificate = certify(path, true);
    EXPECT_EQ(offered(), Names{path});

    sources.certificates = {certificate, folder.path("missing"), path + ".pub"};
    EXPECT_EQ(offered(), Names{path});
    EXPECT_TRUE(lines.contain("it is not a user's certificate"));
}

TEST_F(CertificatesTest, WithoutAPrivateHalfAreSkipped) {
    const std::string path = add_file("id");
    sources.certificates = {certify(path)};
    sources.files.clear();

    EXPECT_EQ(offered(), Names{});
    EXPECT_TRUE(lines.contain("no identity file and no agent has its private key"));
}

TEST_F(IdentitiesTest, KeysOnTokensAreTheAgents) {
    const std::string line =
        "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIEB4RWM7kGZ2dHn5"
        "8Y0x1J9u2g8mCdkgmQ0cG0f0Y2lKAAAABHNzaDo= token\n";
    sources.files = {folder.write("id_sk.pub", line)};
    const auto key = ssh::parse_public_key_line(line);
    ASSERT_TRUE(key.has_value());

    EXPECT_EQ(offered(), Names{});
    EXPECT_TRUE(lines.contain("FIDO"));

    add_agent_key(key->blob, "token");
    EXPECT_EQ(offered(), Names{sources.files[0]});
    EXPECT_TRUE(identities->find(key->blob)->is_on_token());
}

TEST_F(IdentitiesTest, WhatWorkedBeforeIsFirst) {
    const std::string first = add_file("first");
    const std::string second = add_file("second");
    identities.emplace(sources, agent_keys, lines.log());

    identities->prefer(blobs[1]);

    EXPECT_EQ(identities->next(files, lines.log())->name(), second);
    EXPECT_EQ(identities->next(files, lines.log())->name(), first);
    EXPECT_EQ(identities->next(files, lines.log()), nullptr);
}

TEST_F(IdentitiesTest, BrokenCertificatesAndNonsenseOfAnAgentAreLeftOut) {
    std::vector<std::byte> certificate = some_key(1);
    const std::string name = "ssh-ed25519-cert-v01@openssh.com";
    std::vector<std::byte> blob{
        std::byte{0}, std::byte{0}, std::byte{0}, static_cast<std::byte>(name.size())};
    for (const char c : name) {
        blob.push_back(static_cast<std::byte>(c));
    }
    add_agent_key(blob, "a certificate");
    add_agent_key({}, "nothing");

    EXPECT_EQ(offered(), Names{});
}

TEST(IdentitySources, AreTheDefaultsOrWhatIsGiven) {
    Settings settings;
    settings.host = settings.host_name = "bastion";
    const Account account{"me", "/home/me", 1000};

    auto sources = identity_sources(settings, account);
    ASSERT_TRUE(sources);
    EXPECT_EQ(sources->files,
              (Names{"/home/me/.ssh/id_rsa",
                     "/home/me/.ssh/id_ecdsa",
                     "/home/me/.ssh/id_ecdsa_sk",
                     "/home/me/.ssh/id_ed25519",
                     "/home/me/.ssh/id_ed25519_sk"}));
    EXPECT_FALSE(sources->files_given);

    settings.identity_files = {"none", "~/%h"};
    sources = identity_sources(settings, account);
    ASSERT_TRUE(sources);
    EXPECT_EQ(sources->files, Names{"/home/me/bastion"});
    EXPECT_TRUE(sources->files_given);

    settings.identity_files = {"%q"};
    EXPECT_FALSE(identity_sources(settings, account));
}

// ssh.c, main(): a file of -i that cannot be looked at is warned about and not added, before the
// default files are filled in; one of IdentityFile is.
TEST(IdentitySources, WithoutAFileOfTheFlagThatDoesNotExist) {
    const TemporaryFolder folder;
    const std::string key = folder.write("bastion", "");
    Settings settings;
    settings.host = settings.host_name = "bastion";
    const Account account{"me", folder.path("home"), 1000};

    settings.identity_files = settings.identity_flags = {"~/missing"};
    auto sources = identity_sources(settings, account);
    ASSERT_TRUE(sources);
    EXPECT_EQ(sources->files.size(), 5U);
    EXPECT_FALSE(sources->files_given);
    EXPECT_EQ(sources->warnings,
              Names{"Warning: Identity file " + folder.path("home/missing") +
                    " not accessible: No such file or directory."});

    settings.identity_flags.clear();
    sources = identity_sources(settings, account);
    ASSERT_TRUE(sources);
    EXPECT_EQ(sources->files, Names{folder.path("home/missing")});
    EXPECT_TRUE(sources->warnings.empty());

    settings.identity_flags = {folder.path("%h"), "none"};
    settings.identity_files = {folder.path("%h"), "none", "~/option"};
    sources = identity_sources(settings, account);
    ASSERT_TRUE(sources);
    EXPECT_EQ(sources->files, (Names{key, folder.path("home/option")}));
    EXPECT_EQ(sources->warnings.size(), 1U);
}

}  // namespace
}  // namespace caponier::client
