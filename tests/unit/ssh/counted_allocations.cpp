// The counters of counted_allocations.h.

#include "tests/unit/ssh/counted_allocations.h"

#include <cstdlib>
#include <new>

#include <openssl/crypto.h>

namespace {

std::size_t allocations = 0;

void* counted(std::size_t size) {
    ++allocations;
    return std::malloc(size);
}

void* aligned(std::size_t size, std::align_val_t alignment) {
    ++allocations;
    const auto step = static_cast<std::size_t>(alignment);
    return std::aligned_alloc(step, (size + step - 1) / step * step);
}

void* crypto_malloc(std::size_t size, const char*, int) {
    return counted(size);
}

void* crypto_realloc(void* old, std::size_t size, const char*, int) {
    ++allocations;
    return std::realloc(old, size);
}

void crypto_free(void* memory, const char*, int) {
    std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
    return counted(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return aligned(size, alignment);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return counted(size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}

namespace caponier::ssh {

std::size_t counted_allocations() noexcept {
    return allocations;
}

bool count_allocations_of_libcrypto() noexcept {
    return CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) == 1;
}

}  // namespace caponier::ssh
