// The arena of secrets; see secret_memory.h. Small ones share regions of blocks of one size, a
// power of two, so that a block's address is its alignment; what is larger than a block has a
// mapping of its own. What is known about the regions is kept outside of them.

#include "ssh/crypto/secret_memory.h"

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <cstdint>
#include <mutex>

#include <sys/mman.h>
#include <unistd.h>

#include "ssh/crypto/secret_bytes.h"
#include "ssh/expects.h"

namespace caponier::ssh {

namespace {

constexpr std::size_t block_bytes_min = 64;
constexpr std::size_t block_bytes_max = 4096;
/// Four pages: RLIMIT_MEMLOCK is 64 KiB on old systems, and a region of each size should fit.
constexpr std::size_t region_bytes = std::size_t{16} * 1024;
/// Of all sizes together: 32 MiB of small secrets, some ten thousand sessions. Beyond, every secret
/// has a mapping of its own.
constexpr std::size_t regions_max = 2048;

static_assert(region_bytes % block_bytes_max == 0);
static_assert(std::has_single_bit(block_bytes_min) && std::has_single_bit(block_bytes_max));

std::size_t page_bytes() noexcept {
    static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
}

std::size_t whole_pages(std::size_t bytes) noexcept {
    return (bytes + page_bytes() - 1) / page_bytes() * page_bytes();
}

struct Mapping {
    std::byte* begin = nullptr;
    bool locked = false;
};

/// Pages of zeros between two that nobody may touch. The process ends where there is no memory.
Mapping map_pages(std::size_t bytes, bool lock) noexcept {
    const std::size_t guard = page_bytes();
    void* const fenced =
        ::mmap(nullptr, bytes + 2 * guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expects(fenced != MAP_FAILED);
    std::byte* const begin = static_cast<std::byte*>(fenced) + guard;
    expects(::mprotect(begin, bytes, PROT_READ | PROT_WRITE) == 0);
    // Neither can fail on a kernel that has it; on one that has not, the secret is as safe as it
    // can be there. A child that would not even see the pages could fault on its way to exec.
    static_cast<void>(::madvise(begin, bytes, MADV_DONTDUMP));
    static_cast<void>(::madvise(begin, bytes, MADV_WIPEONFORK));
    return {.begin = begin, .locked = lock && ::mlock(begin, bytes) == 0};
}

void unmap_pages(std::byte* begin, std::size_t bytes) noexcept {
    const std::size_t guard = page_bytes();
    expects(::munmap(begin - guard, bytes + 2 * guard) == 0);
}

struct Region {
    std::byte* begin = nullptr;
    std::size_t block_bytes = 0;
    std::bitset<region_bytes / block_bytes_min> used;

    [[nodiscard]] std::size_t blocks() const noexcept { return region_bytes / block_bytes; }
    [[nodiscard]] bool has_room() const noexcept { return used.count() < blocks(); }
    [[nodiscard]] bool holds(const std::byte* address) const noexcept {
        return address >= begin && address < begin + region_bytes;
    }
};

/// Trivially destroyed, so that secrets with static lifetime can still be freed at the very end.
struct Arena {
    std::mutex mutex;
    std::array<Region, regions_max> regions;
    std::size_t region_count = 0;
    bool all_locked = true;

    std::byte* take_block(std::size_t block_bytes) noexcept;
    bool give_block_back(std::span<std::byte> memory) noexcept;
    Region* region_with_room(std::size_t block_bytes) noexcept;
};

constinit Arena arena;

Region* Arena::region_with_room(std::size_t block_bytes) noexcept {
    const auto end = regions.begin() + static_cast<std::ptrdiff_t>(region_count);
    const auto found = std::find_if(regions.begin(), end, [block_bytes](const Region& region) {
        return region.block_bytes == block_bytes && region.has_room();
    });
    if (found != end) {
        return &*found;
    }
    if (region_count == regions.size()) {
        return nullptr;
    }
    const Mapping mapping = map_pages(region_bytes, true);
    all_locked = all_locked && mapping.locked;
    Region& region = regions[region_count++];
    region.begin = mapping.begin;
    region.block_bytes = block_bytes;
    return &region;
}

/// Null if no region is left.
std::byte* Arena::take_block(std::size_t block_bytes) noexcept {
    const std::lock_guard lock{mutex};
    Region* const region = region_with_room(block_bytes);
    if (region == nullptr) {
        return nullptr;
    }
    std::size_t block = 0;
    while (region->used[block]) {
        ++block;
    }
    region->used[block] = true;
    return region->begin + block * block_bytes;
}

/// False if it is in no region.
bool Arena::give_block_back(std::span<std::byte> memory) noexcept {
    const std::lock_guard lock{mutex};
    const auto end = regions.begin() + static_cast<std::ptrdiff_t>(region_count);
    const auto region = std::find_if(regions.begin(), end, [&memory](const Region& candidate) {
        return candidate.holds(memory.data());
    });
    if (region == end) {
        return false;
    }
    const auto offset = static_cast<std::size_t>(memory.data() - region->begin);
    expects(offset % region->block_bytes == 0 && region->used[offset / region->block_bytes]);
    region->used[offset / region->block_bytes] = false;
    return true;
}

}  // namespace

std::span<std::byte> allocate_secret_memory(std::size_t bytes) noexcept {
    if (bytes == 0) {
        return {};
    }
    if (bytes <= block_bytes_max) {
        std::byte* const block = arena.take_block(std::max(std::bit_ceil(bytes), block_bytes_min));
        if (block != nullptr) {
            return {block, bytes};
        }
    }
    const bool lock = bytes <= locked_bytes_max;
    const Mapping mapping = map_pages(whole_pages(bytes), lock);
    if (lock && !mapping.locked) {
        const std::lock_guard guard{arena.mutex};
        arena.all_locked = false;
    }
    return {mapping.begin, bytes};
}

void free_secret_memory(std::span<std::byte> memory) noexcept {
    if (memory.empty()) {
        return;
    }
    wipe(memory);
    if (memory.size() <= block_bytes_max && arena.give_block_back(memory)) {
        return;
    }
    unmap_pages(memory.data(), whole_pages(memory.size()));
}

bool secret_memory_is_locked() noexcept {
    const std::lock_guard lock{arena.mutex};
    return arena.all_locked;
}

}  // namespace caponier::ssh
