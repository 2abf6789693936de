// With the allocator of the system or of a sanitizer: operator new calls the new handler.

#include "tools/cli/out_of_memory.h"

#include <new>

#include "tools/cli/process.h"

namespace caponier::cli {

void say_when_memory_ends() noexcept {
    std::set_new_handler(end_without_memory);
}

}  // namespace caponier::cli
