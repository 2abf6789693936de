// Who says something never waits for a reader, and what was said arrives in its order. The readers
// here are pipes: one that nobody reads is full after a page.

#include "tools/cli/console.h"

#include <array>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>

#include <fcntl.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/io/socket.h"

namespace caponier::cli {
namespace {

using client::LogLevel;
using client::Repeatable;
using testing::EndsWith;
using testing::MatchesRegex;
using testing::StartsWith;

constexpr std::chrono::milliseconds short_patience{50};

class ConsoleTest : public testing::Test {
  protected:
    ConsoleTest() {
        // As the program does: a reader that leaves is an error of write(2).
        std::signal(SIGPIPE, SIG_IGN);
        std::array<int, 2> ends{};
        EXPECT_EQ(pipe(ends.data()), 0);
        reader_ = io::Socket{ends[0]};
        writer_ = io::Socket{ends[1]};
        fcntl(writer_.fd(), F_SETPIPE_SZ, 4096);
    }

    /// Both streams in one pipe, so that their order shows.
    void open(LogLevel level = LogLevel::info, bool has_thread = true) {
        console_.emplace(Console::Options{.level = level,
                                          .out = writer_.fd(),
                                          .messages = writer_.fd(),
                                          .patience = short_patience,
                                          .has_thread = has_thread});
    }

    void close() { console_.reset(); }

    /// Everything up to the end, which the console's end is.
    std::string rest() {
        writer_ = {};
        std::string all;
        while (read_some(all)) {
        }
        return all;
    }

    bool read_some(std::string& all) {
        std::array<char, 1024> room{};
        const ssize_t got = read(reader_.fd(), room.data(), room.size());
        all.append(room.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
        return got > 0;
    }

    void say_more_than_fits() {
        const std::string line(1000, 'x');
        for (int count = 0; count < 1000; ++count) {
            console_->log(LogLevel::info, line);
        }
    }

    io::Socket reader_;
    io::Socket writer_;
    std::optional<Console> console_;
};

TEST_F(ConsoleTest, WritesResultsAndMessagesInTheirOrder) {
    open();
    console_->log(LogLevel::info, "first");
    console_->say("second");
    console_->log(LogLevel::fatal, "third");
    close();

    EXPECT_EQ(rest(), "caponier: first\nsecond\ncaponier: third\n");
}

TEST_F(ConsoleTest, DoesTheSameWhereThereIsNoThread) {
    open(LogLevel::info, false);
    console_->log(LogLevel::info, "first");
    console_->say("second");
    std::string said;
    read_some(said);
    close();

    EXPECT_EQ(said + rest(), "caponier: first\nsecond\n");
}

TEST_F(ConsoleTest, ShowsNothingAboveItsLevel) {
    open(LogLevel::verbose);
    console_->log(LogLevel::verbose, "shown");
    console_->log(LogLevel::debug, "not shown");
    console_->log_repeatable(Repeatable::warning, LogLevel::debug, "not shown");
    close();

    EXPECT_EQ(rest(), "caponier: shown\n");
}

TEST_F(ConsoleTest, AQuietOneTellsWhatIsWrongWithTheCommandLineOnly) {
    open(LogLevel::quiet);
    console_->log(LogLevel::fatal, "connection lost");
    console_->log(LogLevel::quiet, "no such cipher");
    console_->say("a result");
    close();

    EXPECT_EQ(rest(), "caponier: no such cipher\na result\n");
}

// A test that waited for the reader would not end.
TEST_F(ConsoleTest, NobodyWaitsForAReaderThatNeverComes) {
    open();
    say_more_than_fits();
    close();

    EXPECT_THAT(rest(), StartsWith("caponier: xxx"));
}

TEST_F(ConsoleTest, AReaderThatComesBackIsToldOfTheLoss) {
    open();
    say_more_than_fits();
    std::string said;
    while (said.find("messages were lost because nobody read them\n") == std::string::npos) {
        ASSERT_TRUE(read_some(said));
    }
    console_->log(LogLevel::info, "and on it goes");
    close();

    EXPECT_EQ(rest(), "caponier: and on it goes\n");
}

TEST_F(ConsoleTest, TheLastWordsStandBehindTheWordOfTheLoss) {
    open();
    say_more_than_fits();
    console_->log(LogLevel::fatal, "the end");
    std::string said;
    while (said.find("the end\n") == std::string::npos) {
        ASSERT_TRUE(read_some(said));
    }
    close();

    EXPECT_THAT(said, EndsWith("nobody read them\ncaponier: the end\n"));
}

TEST_F(ConsoleTest, AReaderThatWentAwayIsNoHindrance) {
    open();
    reader_ = {};
    say_more_than_fits();
    close();
}

TEST_F(ConsoleTest, ADescriptorThatSomebodyMadeNonBlockingLosesNothing) {
    fcntl(writer_.fd(), F_SETFL, O_NONBLOCK);
    open();
    const std::string line(1000, 'x');
    for (int count = 0; count < 100; ++count) {
        console_->log(LogLevel::info, line);
    }
    console_->log(LogLevel::info, "the end");
    std::string said;
    while (said.find("the end\n") == std::string::npos) {
        ASSERT_TRUE(read_some(said));
    }
    close();

    EXPECT_EQ(said.size(),
              100 * (line.size() + std::string{"caponier: \n"}.size()) +
                  std::string{"caponier: the end\n"}.size());
}

TEST_F(ConsoleTest, AFloodIsCountedAndTheCountToldAtTheEnd) {
    for (const bool has_thread : {true, false}) {
        open(LogLevel::verbose, has_thread);
        for (int count = 0; count < 15; ++count) {
            console_->log_repeatable(Repeatable::warning, LogLevel::info, "again");
        }
        close();
    }

    const std::string said = rest();
    EXPECT_THAT(said, StartsWith("caponier: again\ncaponier: again\n"));
    EXPECT_THAT(said, EndsWith("caponier: and 5 more like this: again\n"));
}

TEST_F(ConsoleTest, WhereEverythingIsShownAFloodIsToo) {
    open(LogLevel::debug);
    std::string expected;
    for (int count = 0; count < 15; ++count) {
        console_->log_repeatable(Repeatable::warning, LogLevel::info, "again");
        expected += "caponier: again\n";
    }
    close();

    EXPECT_EQ(rest(), expected);
}

TEST_F(ConsoleTest, TheTimeStandsBeforeMessagesAndNotBeforeResults) {
    console_.emplace(
        Console::Options{.has_timestamps = true, .out = writer_.fd(), .messages = writer_.fd()});
    console_->say("a result");
    console_->log(LogLevel::info, "a message");
    close();

    EXPECT_THAT(rest(),
                MatchesRegex("a result\n"
                             "....-..-..T..:..:..[.]...Z caponier: a message\n"));
}

TEST_F(ConsoleTest, WhereStdoutIsNoTerminalThereIsNoStatusLine) {
    open();
    console_->show_status("Connections: 3");
    console_->say("a line");
    close();

    EXPECT_EQ(rest(), "a line\n");
}

}  // namespace
}  // namespace caponier::cli
