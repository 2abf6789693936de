#pragma once
// The memory that secrets live in: locked, so that it is never written to swap; left out of core
// dumps; empty in the child of a fork; fenced by pages that nobody may touch. SecretBytes and
// SecretObject (secret_bytes.h) are how everybody else gets at it.
//
// An arena of our own and not CRYPTO_secure_malloc(): that one has a size that is fixed at start
// and fails every key operation of libcrypto, once it is full; this one grows with the sessions. It
// goes on unlocked where RLIMIT_MEMLOCK allows no more, and says so, and children of a fork find
// zeros in it.

#include <cstddef>
#include <span>

namespace caponier::ssh {

/// Longer ones are whole files that are read the same way as key files are (known_hosts): they stay
/// out of core dumps, but do not use up what may be locked.
inline constexpr std::size_t locked_bytes_max = std::size_t{64} * 1024;

/// `bytes` zeros, aligned for any object up to a cache line. From any thread.
[[nodiscard]] std::span<std::byte> allocate_secret_memory(std::size_t bytes) noexcept;

/// Wipes and gives back what allocate_secret_memory() returned: the whole of it.
void free_secret_memory(std::span<std::byte> memory) noexcept;

/// False from the first secret on that the kernel would not lock: RLIMIT_MEMLOCK is used up. It is
/// still left out of core dumps, but may be written to swap.
[[nodiscard]] bool secret_memory_is_locked() noexcept;

}  // namespace caponier::ssh
