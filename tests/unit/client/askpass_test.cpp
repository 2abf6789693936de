// SSH_ASKPASS programs that answer, refuse, say too much, or never end.

#include "engine/client/askpass.h"

#include <cstdint>
#include <string>

#include <sys/eventfd.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "engine/io/socket.h"
#include "ssh/wire/bytes.h"
#include "tests/unit/client/temporary_folder.h"

namespace caponier::client {
namespace {

class AskpassTest : public testing::Test {
  protected:
    /// Runs a shell script; what it answers, or "error: " and why not.
    std::string answer_of(const std::string& script, int interrupt = -1) {
        folder.write("askpass", "#!/bin/sh\n" + script + "\n", 0700);
        const auto answer = run_askpass(program, "the prompt", interrupt);
        return answer ? std::string{ssh::text_of(answer->bytes())} : "error: " + answer.error();
    }

    const TemporaryFolder folder;
    const std::string program = folder.path("askpass");
};

TEST_F(AskpassTest, AnswersWithItsFirstLine) {
    EXPECT_EQ(answer_of("echo \"$1!\""), "the prompt!");
    EXPECT_EQ(answer_of("printf 'no end'"), "no end");
    EXPECT_EQ(answer_of("printf 'one\\r\\ntwo\\n'"), "one");
    EXPECT_EQ(answer_of("printf ' blanks stay \\n'"), " blanks stay ");
    EXPECT_EQ(answer_of("echo"), "");
}

TEST_F(AskpassTest, ThatRefusesGivesNoAnswer) {
    EXPECT_EQ(answer_of("echo secret; exit 1"),
              "error: SSH_ASKPASS " + program + ": it gave no answer");
    EXPECT_EQ(answer_of("echo secret; kill -KILL $$"),
              "error: SSH_ASKPASS " + program + ": it gave no answer");
}

TEST_F(AskpassTest, ThatSaysTooMuchIsCutOff) {
    const std::string answer = answer_of("while printf 0123456789abcdef; do :; done 2> /dev/null");

    EXPECT_EQ(answer, "error: SSH_ASKPASS " + program + ": it gave no answer");
}

TEST_F(AskpassTest, ThatIsNotThereIsNamed) {
    const auto answer = run_askpass(folder.path("missing"), "prompt", -1);

    ASSERT_FALSE(answer);
    EXPECT_NE(answer.error().find("missing: No such file or directory"), std::string::npos);
}

TEST_F(AskpassTest, IsEndedByTheInterrupt) {
    const io::Socket interrupt{::eventfd(1, EFD_CLOEXEC)};

    EXPECT_EQ(answer_of("exec tail -f /dev/null", interrupt.fd()),
              "error: SSH_ASKPASS " + program + ": interrupted");
    // One that does not listen, too.
    EXPECT_EQ(answer_of("trap '' TERM; tail -f /dev/null", interrupt.fd()),
              "error: SSH_ASKPASS " + program + ": interrupted");
}

}  // namespace
}  // namespace caponier::client
