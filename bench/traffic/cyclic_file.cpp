// The block lies in a memfd; sendfile hands its pages to the socket.

#include "bench/traffic/cyclic_file.h"

#include <algorithm>
#include <array>
#include <vector>

#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

namespace caponier::bench {

namespace {

/// It stays in the caches, as data does that a program has just made.
constexpr std::size_t plain_block_bytes = std::size_t{1} << 20;
/// Up to here a copy costs less than pages that are passed on.
constexpr std::uint64_t copied_bytes_max = 16'384;

}  // namespace

CyclicFile::CyclicFile(std::span<const std::byte> block) noexcept
    : file_(memfd_create("block", MFD_CLOEXEC)), block_bytes_(block.size()) {
    while (!block.empty()) {
        const ssize_t written = write(file_.fd(), block.data(), block.size());
        if (written <= 0) {
            fail("writing a block of memory");
        }
        block = block.subspan(static_cast<std::size_t>(written));
    }
}

ssize_t CyclicFile::send(const Descriptor& socket,
                         std::uint64_t position,
                         std::uint64_t bytes_max) const noexcept {
    auto offset = static_cast<off_t>(position % block_bytes_);
    const std::uint64_t to_end = block_bytes_ - static_cast<std::uint64_t>(offset);
    return sendfile(
        socket.fd(), file_.fd(), &offset, static_cast<std::size_t>(std::min(to_end, bytes_max)));
}

const CyclicFile& plain_file() noexcept {
    static const CyclicFile file = [] {
        std::vector<std::byte> block(plain_block_bytes);
        std::uint32_t state = 1;
        for (std::byte& byte : block) {
            state = state * 1'664'525U + 1'013'904'223U;
            byte = static_cast<std::byte>(state >> 24U);
        }
        return CyclicFile{block};
    }();
    return file;
}

ssize_t send_plain(const Descriptor& socket, std::uint64_t bytes_max) noexcept {
    static constexpr std::array<std::byte, copied_bytes_max> few{};
    return bytes_max <= copied_bytes_max
               ? ::send(socket.fd(), few.data(), static_cast<std::size_t>(bytes_max), MSG_NOSIGNAL)
               : plain_file().send(socket, 0, bytes_max);
}

}  // namespace caponier::bench
