// mkdtemp(3) and the small files that the demo keeps in its directory.

#include "tools/cli/temporary_directory.h"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace caponier::cli {

tl::expected<TemporaryDirectory, std::string> TemporaryDirectory::make() {
    std::error_code no_directory;
    const auto parent = std::filesystem::temp_directory_path(no_directory);
    std::string path = (no_directory ? std::filesystem::path{"/tmp"} : parent) / "caponier-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
        return tl::unexpected{fmt::format("{}: {}", path, std::generic_category().message(errno))};
    }
    return TemporaryDirectory{path};
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TemporaryDirectory::~TemporaryDirectory() {
    if (!path_.empty()) {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
}

std::string read_file(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

bool write_file(const std::string& path, std::string_view text) {
    std::ofstream file{path, std::ios::binary | std::ios::trunc};
    file << text;
    file.close();
    return file.good();
}

}  // namespace caponier::cli
