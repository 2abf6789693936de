// What every backend shares of the Loop contract: the words for an error number.

#include "engine/io/loop.h"

#include <cstring>

namespace caponier::io {

std::string_view describe(IoError error) noexcept {
    const char* const text = ::strerrordesc_np(error.number);
    return text != nullptr ? std::string_view{text} : std::string_view{"Unknown error"};
}

}  // namespace caponier::io
