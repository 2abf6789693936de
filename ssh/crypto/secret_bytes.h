#pragma once
// Owners of secrets: a buffer and an object that live in secret_memory.h's locked memory and are
// wiped when they die, and the two operations that secrets need. Every key, key schedule, shared
// secret and passphrase of ours is in one of them. What libcrypto makes of a key (EVP_PKEY,
// EVP_CIPHER_CTX, EVP_MAC_CTX) is not: it lives on the heap while it is used, and libcrypto wipes
// it.

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

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

    [[nodiscard]] std::span<std::byte> bytes() noexcept { return memory_.first(size_); }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return memory_.first(size_); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    /// Keeps the first `size` bytes and wipes the others. `size` is at most size().
    void shrink(std::size_t size) noexcept;

  private:
    std::span<std::byte> memory_;
    std::size_t size_ = 0;
};

/// One object of a plain type, such as the key schedule of a cipher, that has to be filled in
/// place.
template <typename Object>
class SecretObject {
    static_assert(std::is_trivially_destructible_v<Object> && alignof(Object) <= 64);

  public:
    SecretObject()
        : memory_{sizeof(Object)},
          object_{std::construct_at(reinterpret_cast<Object*>(memory_.bytes().data()))} {}
    SecretObject(const SecretObject&) = delete;
    SecretObject& operator=(const SecretObject&) = delete;
    ~SecretObject() = default;

    [[nodiscard]] Object& operator*() noexcept { return *object_; }
    [[nodiscard]] Object* operator->() noexcept { return object_; }

  private:
    SecretBytes memory_;
    Object* object_;
};

}  // namespace caponier::ssh
