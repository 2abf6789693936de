// With mimalloc, whose operator new knows no new handler in Debian's build and aborts; before that
// it reports the error.

#include <cerrno>

#include <mimalloc.h>

#include "tools/cli/out_of_memory.h"
#include "tools/cli/process.h"

namespace caponier::cli {

namespace {

void on_error(int error, void* /*unused*/) noexcept {
    if (error == ENOMEM) {
        end_without_memory();
    }
}

}  // namespace

void say_when_memory_ends() noexcept {
    mi_register_error(on_error, nullptr);
}

}  // namespace caponier::cli
