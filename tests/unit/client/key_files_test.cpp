// Private key files that are unlocked by a person: how often they are asked, and when not at all.

#include "engine/client/key_files.h"

#include <algorithm>
#include <deque>

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "ssh/wire/bytes.h"
#include "tests/unit/client/temporary_folder.h"

namespace caponier::client {
namespace {

class KeyFilesTest : public testing::Test {
  protected:
    KeyFilesTest() : path(folder.path("id")), blob(make_key_pair(path, "ed25519", "open sesame")) {}

    KeyFiles files_with(std::deque<std::string> answers) {
        return KeyFiles{
            [this, answers](
                const std::string& prompt) mutable -> tl::expected<ssh::SecretBytes, std::string> {
                prompts.push_back(prompt);
                if (answers.empty()) {
                    return tl::unexpected{std::string{"nobody answers"}};
                }
                const std::string answer = answers.front();
                answers.pop_front();
                return ssh::SecretBytes::copy_of(ssh::bytes_of(answer));
            },
            3};
    }
    [[nodiscard]] bool is_mine(const tl::expected<const ssh::PrivateKey*, std::string>& key) const {
        return key && std::ranges::equal((*key)->key.public_key(), blob);
    }

    const TemporaryFolder folder;
    const std::string path;
    const std::vector<std::byte> blob;
    std::vector<std::string> prompts;
};

TEST_F(KeyFilesTest, AreUnlockedOnceUntilTheyAreForgotten) {
    KeyFiles files = files_with({"open sesame", "open sesame"});

    EXPECT_TRUE(is_mine(files.open(path)));
    EXPECT_TRUE(is_mine(files.open(path)));
    EXPECT_EQ(prompts, std::vector<std::string>{"Enter passphrase for key '" + path + "': "});
    files.forget();
    EXPECT_TRUE(is_mine(files.open(path)));

    EXPECT_EQ(prompts.size(), 2U);
    EXPECT_TRUE(files.asked());
}

TEST_F(KeyFilesTest, MayBeMistyped) {
    KeyFiles files = files_with({"open says me", "open", "open sesame"});

    EXPECT_TRUE(is_mine(files.open(path)));
    EXPECT_EQ(prompts.size(), 3U);
}

TEST_F(KeyFilesTest, StayLockedAfterThreeMistakes) {
    KeyFiles files = files_with({"one", "two", "three", "open sesame"});

    const auto key = files.open(path);

    ASSERT_FALSE(key);
    EXPECT_EQ(key.error(), "its passphrase is another one (3 attempts)");
    EXPECT_EQ(prompts.size(), 3U);
}

// sshconnect2.c: "no passphrase given, try next key".
TEST_F(KeyFilesTest, AreGivenUpWithAnEmptyAnswerOrNone) {
    KeyFiles empty = files_with({""});
    KeyFiles none = files_with({});
    KeyFiles nobody{nullptr, 3};

    EXPECT_EQ(empty.open(path).error(), "no passphrase was given");
    EXPECT_EQ(none.open(path).error(), "it is protected by a passphrase, and nobody answers");
    EXPECT_EQ(nobody.open(path).error(),
              "it is protected by a passphrase: add it to an agent with ssh-add");
}

TEST_F(KeyFilesTest, WithoutAPassphraseNeedNobody) {
    const std::string open = folder.path("open");
    make_key_pair(open);
    KeyFiles files = files_with({});

    EXPECT_TRUE(files.open(open).has_value());
    EXPECT_FALSE(files.asked());
}

// Its permissions would be no fault of a public key.
TEST_F(KeyFilesTest, ThatArePublicHalvesAreToldAsSuch) {
    ASSERT_EQ(::chmod((path + ".pub").c_str(), 0644), 0);

    EXPECT_EQ(files_with({}).open(path + ".pub").error(),
              "it is a public key: name the file of its private half, or add that to an agent");
}

// ssh looks at the permissions before it asks.
TEST_F(KeyFilesTest, ThatOthersCanReadAreNotAskedFor) {
    ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
    KeyFiles files = files_with({"open sesame"});

    EXPECT_FALSE(files.open(path).has_value());
    EXPECT_TRUE(prompts.empty());
}

}  // namespace
}  // namespace caponier::client
