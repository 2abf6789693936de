// When askpass is run and when the terminal is asked. What they do is askpass_test.cpp's and, on a
// pseudo-terminal, tests/interop/password_test.py's.

#include "engine/client/prompter.h"

#include <gtest/gtest.h>

#include "ssh/wire/bytes.h"
#include "tests/unit/client/temporary_folder.h"

namespace caponier::client {
namespace {

AskBy way(std::string require, bool has_display, bool has_terminal) {
    return way_to_ask({.program = "x", .require = std::move(require), .has_display = has_display},
                      has_terminal);
}

// ssh(1): "If this variable is set to 'force', then the askpass program will be used for all
// passphrase input regardless of whether DISPLAY is set."
TEST(Prompter, ForcedUsesAskpassAlways) {
    for (const bool display : {false, true}) {
        for (const bool terminal : {false, true}) {
            EXPECT_EQ(way("force", display, terminal), AskBy::askpass);
            EXPECT_EQ(way("FORCE", display, terminal), AskBy::askpass);
        }
    }
}

// "If it is set to 'never' then ssh will never attempt to use one."
TEST(Prompter, NeverUsesTheTerminalOrNobody) {
    EXPECT_EQ(way("never", true, true), AskBy::terminal);
    EXPECT_EQ(way("never", true, false), AskBy::nobody);
}

// "If it is set to 'prefer', then ssh will prefer to use the askpass program instead of the TTY
// when requesting passwords."
TEST(Prompter, PreferredUsesAskpassWithADisplay) {
    EXPECT_EQ(way("prefer", true, true), AskBy::askpass);
    EXPECT_EQ(way("prefer", false, true), AskBy::terminal);
    EXPECT_EQ(way("prefer", false, false), AskBy::nobody);
}

// "If ssh does not have a terminal associated with it but DISPLAY and SSH_ASKPASS are set, it will
// execute the program".
TEST(Prompter, ByDefaultUsesTheTerminalIfThereIsOne) {
    EXPECT_EQ(way("", true, true), AskBy::terminal);
    EXPECT_EQ(way("", true, false), AskBy::askpass);
    EXPECT_EQ(way("", false, true), AskBy::terminal);
    EXPECT_EQ(way("", false, false), AskBy::nobody);
}

TEST(Prompter, AsksTheProgramThatIsNamed) {
    const TemporaryFolder folder;
    Prompter prompter{{.program = folder.write("askpass", "#!/bin/sh\necho \"to $1\"\n", 0700),
                       .require = "force"},
                      -1};

    const auto answer = prompter.ask("a question", false);

    ASSERT_TRUE(answer) << answer.error();
    EXPECT_EQ(ssh::text_of(answer->bytes()), "to a question");
    EXPECT_TRUE(prompter.can_ask());
}

}  // namespace
}  // namespace caponier::client
