// Which servers' CLOSE alone is an end.

#include "engine/relay/close_without_eof.h"

#include <gtest/gtest.h>

namespace caponier::relay {
namespace {

TEST(CloseWithoutEof, IsAnEndOnlyAtServersThatAreKnownForIt) {
    for (const std::string_view line : {"SSH-2.0-Go",
                                        "SSH-2.0-Go x",
                                        "SSH-1.99-Go",
                                        "SSH-2.0-Teleport",
                                        "SSH-2.0-Teleport_17.1",
                                        "SSH-2.0-gost"}) {
        EXPECT_TRUE(close_stands_for_eof(CloseWithoutEof::by_server, line)) << line;
    }
    for (const std::string_view line : {"SSH-2.0-OpenSSH_9.2p1 Debian-2",
                                        "SSH-2.0-GoAnywhere",
                                        "SSH-2.0-Google",
                                        "SSH-2.0-go",
                                        "SSH-2.0-x Go",
                                        "SSH-2.0-AsyncSSH_2.10",
                                        "SSH-2.0-",
                                        "Go",
                                        ""}) {
        EXPECT_FALSE(close_stands_for_eof(CloseWithoutEof::by_server, line)) << line;
    }
}

TEST(CloseWithoutEof, IsWhatTheUserSays) {
    for (const std::string_view line : {"SSH-2.0-Go", "SSH-2.0-OpenSSH_9.2p1"}) {
        EXPECT_TRUE(close_stands_for_eof(CloseWithoutEof::fin, line));
        EXPECT_FALSE(close_stands_for_eof(CloseWithoutEof::reset, line));
    }
}

}  // namespace
}  // namespace caponier::relay
