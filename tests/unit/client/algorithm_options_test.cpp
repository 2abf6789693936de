// Ciphers and its relatives: ssh's prefixes and wildcards, and what is told where a name is not
// spoken.

#include "engine/client/algorithm_options.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ssh/libssh2_session.h"
#include "ssh/spoken_algorithms.h"

namespace caponier::client {
namespace {

using Names = std::vector<std::string>;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const Names spoken{"gcm-a@x", "gcm-b@x", "ctr-a", "ctr-b"};

Names chosen(std::string_view text) {
    const auto result = chosen_algorithms(text, spoken);
    return result ? *result : Names{"error: " + result.error()};
}

/// The settings after these options, completed; the error of the first that failed.
struct Completed {
    Settings settings;
    std::string error;
};

Completed complete_with(std::initializer_list<std::string_view> options,
                        SshEngine engine = SshEngine::native) {
    Completed completed;
    completed.settings.host = "host";
    completed.settings.user = "user";
    std::vector<std::string> seen;
    for (const std::string_view option : options) {
        if (const auto applied = apply_option(completed.settings, seen, option); !applied) {
            completed.error = applied.error();
            return completed;
        }
    }
    completed.settings.engine = engine;
    if (const auto done = complete(completed.settings); !done) {
        completed.error = done.error();
    }
    return completed;
}

TEST(AlgorithmList, PlainNamesReplaceTheDefaultInTheirOrder) {
    EXPECT_THAT(chosen("ctr-b"), ElementsAre("ctr-b"));
    EXPECT_THAT(chosen("ctr-b,gcm-a@x"), ElementsAre("ctr-b", "gcm-a@x"));
    EXPECT_THAT(chosen("ctr-b,ctr-b"), ElementsAre("ctr-b"));
}

// ssh_config(5): "appended to the default set instead of replacing them".
TEST(AlgorithmList, APlusAddsToTheDefault) {
    EXPECT_EQ(chosen("+ctr-a"), spoken);
}

// ssh_config(5): "removed from the default set instead of replacing them", "including wildcards".
TEST(AlgorithmList, AMinusTakesFromTheDefault) {
    EXPECT_THAT(chosen("-ctr-a"), ElementsAre("gcm-a@x", "gcm-b@x", "ctr-b"));
    EXPECT_THAT(chosen("-ctr-*,gcm-?@x"), ElementsAre(HasSubstr("error")));
    EXPECT_THAT(chosen("-ctr-*,gcm-b@x"), ElementsAre("gcm-a@x"));
    // What is not spoken is taken away already: a list for older clients goes on working.
    EXPECT_EQ(chosen("-3des-cbc,*-cbc"), spoken);
}

// ssh_config(5): "placed at the head of the default set."
TEST(AlgorithmList, ACircumflexPrefers) {
    EXPECT_THAT(chosen("^ctr-b,ctr-a"), ElementsAre("ctr-b", "ctr-a", "gcm-a@x", "gcm-b@x"));
}

TEST(AlgorithmList, PatternsStandForTheNamesThatTheyMatch) {
    EXPECT_THAT(chosen("ctr-*"), ElementsAre("ctr-a", "ctr-b"));
    EXPECT_THAT(chosen("^ctr-?"), ElementsAre("ctr-a", "ctr-b", "gcm-a@x", "gcm-b@x"));
}

TEST(AlgorithmList, ANameThatIsNotSpokenIsAnErrorThatListsWhatIs) {
    for (const char* text : {"3des-cbc", "+3des-cbc", "^3des-cbc", "ctr-a,3des-cbc", "!ctr-a"}) {
        const auto result = chosen_algorithms(text, spoken);

        ASSERT_FALSE(result) << text;
        EXPECT_THAT(result.error(), HasSubstr("is not spoken; what is: gcm-a@x, gcm-b@x, ctr-a"));
    }
}

TEST(AlgorithmList, HasNoEmptyNames) {
    for (const char* text : {"", "+", "-", "^", ",", "a,", ",a", "a,,b", "+,a", "a b", "a\tb"}) {
        EXPECT_FALSE(is_algorithm_list(text)) << text;
    }
    for (const char* text : {"a", "a,b", "+a", "-a*,b?", "^a@x"}) {
        EXPECT_TRUE(is_algorithm_list(text)) << text;
    }
}

TEST(AlgorithmOptions, FillInTheListsThatTheyName) {
    const Completed completed = complete_with({"Ciphers=aes256-gcm@openssh.com",
                                               "MACs=hmac-sha2-256",
                                               "KexAlgorithms=ecdh-sha2-nistp256",
                                               "HostKeyAlgorithms=ssh-ed25519",
                                               "PubkeyAcceptedAlgorithms=rsa-sha2-512",
                                               "CASignatureAlgorithms=ssh-ed25519"});

    EXPECT_EQ(completed.error, "");
    const ssh::AlgorithmLists& lists = completed.settings.algorithms;
    EXPECT_THAT(lists.cipher, ElementsAre("aes256-gcm@openssh.com"));
    EXPECT_THAT(lists.mac, ElementsAre("hmac-sha2-256"));
    EXPECT_THAT(lists.kex, ElementsAre("ecdh-sha2-nistp256"));
    EXPECT_THAT(lists.host_key, ElementsAre("ssh-ed25519"));
    EXPECT_THAT(lists.public_key, ElementsAre("rsa-sha2-512"));
    EXPECT_THAT(lists.ca_signature, ElementsAre("ssh-ed25519"));
}

TEST(AlgorithmOptions, AreTheSessionsDefaultWhereNobodyChose) {
    const Completed completed = complete_with({"Ciphers=aes256-gcm@openssh.com"});

    EXPECT_THAT(completed.settings.algorithms.kex, ElementsAre());
    EXPECT_THAT(completed.settings.algorithms.host_key, ElementsAre());
}

TEST(AlgorithmOptions, TheOldNameOfAnOptionIsTheSameOption) {
    const Completed completed = complete_with(
        {"PubkeyAcceptedKeyTypes=rsa-sha2-512", "PubkeyAcceptedAlgorithms=ssh-ed25519"});

    EXPECT_THAT(completed.settings.algorithms.public_key, ElementsAre("rsa-sha2-512"));
}

TEST(AlgorithmOptions, AnErrorNamesTheOptionAndWhatIsSpoken) {
    EXPECT_THAT(complete_with({"Ciphers=3des-cbc"}).error,
                HasSubstr("option Ciphers: '3des-cbc' is not spoken; what is: "));
    EXPECT_THAT(complete_with({"KexAlgorithms=+diffie-hellman-group1-sha1"}).error,
                HasSubstr("curve25519-sha256"));
    EXPECT_THAT(complete_with({"Ciphers=a,,b"}).error, HasSubstr("option Ciphers takes names"));
    EXPECT_THAT(complete_with({"Ciphers=\x1b[2J"}).error, Not(HasSubstr("\x1b")));
}

// libssh2 is there for what is retired.
TEST(AlgorithmOptions, ChooseAmongWhatTheEngineSpeaks) {
    const Completed old =
        complete_with({"Ciphers=3des-cbc", "HostKeyAlgorithms=+ssh-rsa"}, SshEngine::libssh2);

    EXPECT_EQ(old.error, "");
    EXPECT_THAT(old.settings.algorithms.cipher, ElementsAre("3des-cbc"));
    EXPECT_THAT(complete_with({"Ciphers=chacha20-poly1305@openssh.com"}, SshEngine::libssh2).error,
                HasSubstr("aes256-ctr"));
    EXPECT_THAT(complete_with({"PubkeyAcceptedAlgorithms=ssh-rsa"}, SshEngine::libssh2).error,
                HasSubstr("--ssh=libssh2"));
}

// ssh sorts by known_hosts unless the user gave an order of their own.
TEST(AlgorithmOptions, RecordedHostKeysComeFirstUnlessTheOrderIsTheUsers) {
    const Names recorded{"ssh-rsa"};
    const auto first = [&](std::string_view option) {
        const Completed completed = complete_with({option});
        EXPECT_EQ(completed.error, "");
        return algorithms_for(completed.settings, recorded).host_key.front();
    };

    EXPECT_EQ(first("HostKeyAlgorithms=-ecdsa*"), "rsa-sha2-512");
    EXPECT_EQ(first("HostKeyAlgorithms=+ssh-ed25519"), "rsa-sha2-512");
    EXPECT_EQ(first("HostKeyAlgorithms=^ssh-ed25519"), "ssh-ed25519");
    EXPECT_EQ(first("HostKeyAlgorithms=ssh-ed25519,rsa-sha2-512"), "ssh-ed25519");
}

// "A scan of the KEXINIT that we send shows nothing retired."
TEST(SpokenAlgorithms, NothingRetiredIsAmongThem) {
    const ssh::AlgorithmLists lists = ssh::spoken_algorithms();
    for (const Names& names : {lists.kex,
                               lists.host_key,
                               lists.cipher,
                               lists.mac,
                               lists.public_key,
                               lists.ca_signature}) {
        ASSERT_FALSE(names.empty());
        for (const std::string& name : names) {
            for (const char* retired :
                 {"sha1", "cbc", "dss", "md5", "arcfour", "group1-", "umac-64", "none", "zlib"}) {
                EXPECT_THAT(name, Not(HasSubstr(retired)));
            }
            EXPECT_NE(name, "ssh-rsa");
            EXPECT_NE(name, "ssh-rsa-cert-v01@openssh.com");
            EXPECT_EQ(std::ranges::count(names, name), 1) << name;
        }
    }
}

TEST(RekeyLimitOption, HasTheFormatOfSsh) {
    struct Case {
        std::string_view text;
        std::uint64_t bytes;
        std::chrono::seconds interval;
    };
    using std::chrono::seconds;
    for (const Case& one : {Case{"default", 0, seconds{0}},
                            Case{"default none", 0, seconds{0}},
                            Case{"1G 1h", std::uint64_t{1} << 30, seconds{3600}},
                            Case{"512k", 512 * 1024, seconds{0}},
                            Case{"16", 16, seconds{0}},
                            Case{"0", 0, seconds{0}},
                            Case{"100B 90", 100, seconds{90}},
                            Case{"4M none", 4 << 20, seconds{0}},
                            Case{"2T 1m30s", std::uint64_t{2} << 40, seconds{90}}}) {
        const Completed completed = complete_with({"RekeyLimit " + std::string{one.text}});

        EXPECT_EQ(completed.error, "") << one.text;
        EXPECT_EQ(completed.settings.rekey_limit.bytes, one.bytes) << one.text;
        EXPECT_EQ(completed.settings.rekey_limit.interval, one.interval) << one.text;
    }
    for (const char* text :
         {"15", "1", "x", "1X", "1KB", "-1", "K", "1G never", "1G 1h 1h", "16E", "none", ""}) {
        EXPECT_THAT(complete_with({"RekeyLimit " + std::string{text}}).error,
                    HasSubstr("option RekeyLimit takes"))
            << text;
    }
}

}  // namespace
}  // namespace caponier::client
