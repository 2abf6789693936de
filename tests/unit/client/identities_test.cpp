// The order in which keys are offered, which files are not, and what is told at the end.

#include "engine/client/identities.h"

#include <filesystem>
#include <optional>

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "ssh/keys/base64.h"
#include "ssh/keys/public_key.h"
#include "tests/unit/client/temporary_folder.h"

namespace caponier::client {
namespace {

class IdentitiesTest : public testing::Test {
  protected:
    /// The names of all identities that are offered, in order.
    std::vector<std::string> offered() {
        identities.emplace(sources, agent_keys, lines.log());
        std::vector<std::string> names;
        while (const Identity* identity = identities->next(lines.log())) {
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
    IdentitySources sources{.files = {}, .files_given = true, .identities_only = false};
    std::vector<AgentKey> agent_keys;
    std::vector<std::vector<std::byte>> blobs;
    std::optional<Identities> identities;
    LogLines lines;
};

using Names = std::vector<std::string>;

TEST_F(IdentitiesTest, KeysOfTheAgentThatAFileNamesComeFirstThenItsOthersThenFiles) {
    const std::string first = add_file("first");
    const std::string second = add_file("second");
    add_agent_key(some_key(1), "other");
    add_agent_key(blobs[1], "second");

    EXPECT_EQ(offered(), (Names{second, "agent key 'other'", first}));
    EXPECT_TRUE(identities->find(blobs[1])->in_agent);
    EXPECT_FALSE(identities->find(blobs[0])->in_agent);
}

TEST_F(IdentitiesTest, WithIdentitiesOnlyTheAgentsOtherKeysAreNotOffered) {
    const std::string first = add_file("first");
    sources.identities_only = true;
    add_agent_key(some_key(1), "other");
    add_agent_key(blobs[0], "first");

    EXPECT_EQ(offered(), Names{first});
    EXPECT_TRUE(identities->find(blobs[0])->in_agent);
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

    EXPECT_TRUE(lines.contain("permissions 0644 for '" + path + "' are too open"));
    EXPECT_NE(identities->refusal().find("too open"), std::string::npos);
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
    EXPECT_NE(identities->refusal().find("there is no key to offer"), std::string::npos);
}

TEST_F(IdentitiesTest, APublicFileOfAnotherKeyIsFoundOut) {
    const std::string path = add_file("id");
    add_file("other");
    sources.files = {path};
    std::filesystem::copy_file(
        folder.path("other.pub"), path + ".pub", std::filesystem::copy_options::overwrite_existing);

    EXPECT_EQ(offered(), Names{});
    EXPECT_TRUE(lines.contain("its .pub file belongs to another key"));
}

TEST_F(IdentitiesTest, NoMoreAreOfferedThanAServerTakes) {
    for (int i = 0; i < 10; ++i) {
        add_agent_key(some_key(i), "key " + std::to_string(i));
    }

    EXPECT_EQ(offered().size(), identities_tried_max);
    const std::string refusal = identities->refusal();
    EXPECT_NE(refusal.find("the server refused 6 keys and takes no more (agent key 'key 0', "),
              std::string::npos)
        << refusal;
    EXPECT_EQ(refusal.find("key 6"), std::string::npos);
}

TEST_F(IdentitiesTest, KeysThatTheEngineCannotUseDoNotCountAndAreExplained) {
    const std::string path = add_file("id", "rsa");
    identities.emplace(sources, agent_keys, lines.log());
    const Identity* const identity = identities->next(lines.log());
    ASSERT_NE(identity, nullptr);
    EXPECT_EQ(identity->algorithm(), "rsa-sha2-512");

    identities->last_was_not_usable();

    EXPECT_EQ(identities->next(lines.log()), nullptr);
    const std::string refusal = identities->refusal();
    EXPECT_NE(refusal.find("libssh2 1.10 signs with SHA-1 only"), std::string::npos) << refusal;
    EXPECT_NE(refusal.find(path), std::string::npos);
    EXPECT_EQ(refusal.find("was accepted"), std::string::npos);
}

TEST_F(IdentitiesTest, WhatAnAgentSaysIsFiltered) {
    add_agent_key(some_key(1), "evil\x1b[2J\n");

    EXPECT_EQ(offered(), Names{"agent key 'evil\\x1b[2J\\x0a'"});
}

TEST_F(IdentitiesTest, CertificatesAndNonsenseOfAnAgentAreLeftOut) {
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
    EXPECT_EQ(
        sources->files,
        (Names{"/home/me/.ssh/id_rsa", "/home/me/.ssh/id_ecdsa", "/home/me/.ssh/id_ed25519"}));
    EXPECT_FALSE(sources->files_given);

    settings.identity_files = {"none", "~/%h"};
    sources = identity_sources(settings, account);
    ASSERT_TRUE(sources);
    EXPECT_EQ(sources->files, Names{"/home/me/bastion"});
    EXPECT_TRUE(sources->files_given);

    settings.identity_files = {"%q"};
    EXPECT_FALSE(identity_sources(settings, account));
}

}  // namespace
}  // namespace caponier::client
