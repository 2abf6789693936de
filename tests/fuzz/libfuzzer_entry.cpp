// The name by which clang's fuzzer calls a target.

#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    caponier::fuzz::try_input(std::as_bytes(std::span{data, size}));
    return 0;
}
