// The line for a refused system call.

#include "engine/io/refusal.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace caponier::io {
namespace {

TEST(Refusal, SaysWhatAndWhyAndWhatHelps) {
    EXPECT_EQ(explain_refusal("signalfd", IoError{EMFILE}),
              "signalfd failed: Too many open files (raise the limit of descriptors: ulimit -n)");
    EXPECT_EQ(explain_refusal("eventfd", IoError{ENOMEM}),
              "eventfd failed: Cannot allocate memory (raise the memory limit of the process, "
              "ulimit -v, or of its cgroup)");
}

// What an accept can be short of: each has its own remedy.
TEST(Refusal, KnowsWhatHelpsAgainstEveryShortage) {
    EXPECT_EQ(remedy_for(IoError{EMFILE}), "raise the limit of descriptors: ulimit -n");
    EXPECT_NE(remedy_for(IoError{ENFILE}).find("fs.file-max"), std::string::npos);
    EXPECT_NE(remedy_for(IoError{ENOBUFS}).find("memory limit"), std::string::npos);
    EXPECT_EQ(remedy_for(IoError{ENOBUFS}), remedy_for(IoError{ENOMEM}));
}

TEST(Refusal, EndsWithTheReasonWhereNothingIsKnownToHelp) {
    EXPECT_EQ(explain_refusal("signalfd", IoError{EINVAL}), "signalfd failed: Invalid argument");
}

}  // namespace
}  // namespace caponier::io
