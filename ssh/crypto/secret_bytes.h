#pragma once
// Where secrets live: a buffer that is wiped when it dies, and the two operations that secrets
// need. Every key, shared secret and passphrase of the core is in a SecretBytes, so that this is
// the one place to change for locked memory.

#include <cstddef>
#include <memory>
#include <span>

namespace caponier::ssh {

/// Overwrites the bytes; the compiler cannot leave it out.
void wipe(std::span<std::byte> bytes) noexcept;

/// Compares in a time that depends on the lengths only. Unequal lengths are unequal.
[[nodiscard]] bool constant_time_equal(std::span<const std::byte> a,
                                       std::span<const std::byte> b) noexcept;

/// A buffer of a capacity that is fixed when it is made. It moves, it is never copied, and its
/// bytes are wiped when it is destroyed or assigned to.
class SecretBytes {
  public:
    SecretBytes() = default;
    /// `size` zeros.
    explicit SecretBytes(std::size_t size);
    [[nodiscard]] static SecretBytes copy_of(std::span<const std::byte> bytes);

    SecretBytes(SecretBytes&& other) noexcept;
    SecretBytes& operator=(SecretBytes&& other) noexcept;
    SecretBytes(const SecretBytes&) = delete;
    SecretBytes& operator=(const SecretBytes&) = delete;
    ~SecretBytes();

    [[nodiscard]] std::span<std::byte> bytes() noexcept { return {bytes_.get(), size_}; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
        return {bytes_.get(), size_};
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    /// Keeps the first `size` bytes and wipes the others. `size` is at most size().
    void shrink(std::size_t size) noexcept;

  private:
    std::unique_ptr<std::byte[]> bytes_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace caponier::ssh
