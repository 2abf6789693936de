// Buffers for secrets; see secret_bytes.h. Where they lie is secret_memory.cpp's.

#include "ssh/crypto/secret_bytes.h"

#include <algorithm>
#include <utility>

#include <openssl/crypto.h>

#include "ssh/crypto/secret_memory.h"
#include "ssh/expects.h"

namespace caponier::ssh {

void wipe(std::span<std::byte> bytes) noexcept {
    if (!bytes.empty()) {
        OPENSSL_cleanse(bytes.data(), bytes.size());
    }
}

bool constant_time_equal(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

SecretBytes::SecretBytes(std::size_t size) : memory_{allocate_secret_memory(size)}, size_{size} {}

SecretBytes SecretBytes::copy_of(std::span<const std::byte> bytes) {
    SecretBytes copy{bytes.size()};
    std::ranges::copy(bytes, copy.bytes().begin());
    return copy;
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : memory_{std::exchange(other.memory_, {})}, size_{std::exchange(other.size_, 0)} {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
        free_secret_memory(memory_);
        memory_ = std::exchange(other.memory_, {});
        size_ = std::exchange(other.size_, 0);
    }
    return *this;
}

SecretBytes::~SecretBytes() {
    free_secret_memory(memory_);
}

void SecretBytes::shrink(std::size_t size) noexcept {
    expects(size <= size_);
    wipe(bytes().subspan(size));
    size_ = size;
}

}  // namespace caponier::ssh
