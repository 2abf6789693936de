// See refusal.h. Why the kernel refuses a ring has words of its own in uring_probe.cpp.

#include "engine/io/refusal.h"

#include <cerrno>

namespace caponier::io {

std::string_view remedy_for(IoError error) noexcept {
    switch (error.number) {
    case EMFILE:
        return "raise the limit of descriptors: ulimit -n";
    case ENFILE:
        return "the machine has no descriptors left: close programs, or raise fs.file-max";
    case ENOMEM:
    case ENOBUFS:
        return "raise the memory limit of the process, ulimit -v, or of its cgroup";
    case EPERM:
    case EACCES:
    case ENOSYS:
        return "a seccomp filter refuses it, as containers do";
    default:
        return {};
    }
}

std::string explain_refusal(std::string_view call, IoError why) {
    std::string line{call};
    line += " failed: ";
    line += describe(why);
    if (const std::string_view remedy = remedy_for(why); !remedy.empty()) {
        line += " (";
        line += remedy;
        line += ')';
    }
    return line;
}

}  // namespace caponier::io
