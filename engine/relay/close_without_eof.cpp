// Which servers close clean streams without EOF.

#include "engine/relay/close_without_eof.h"

#include <algorithm>
#include <array>

namespace caponier::relay {

namespace {

/// "Go" in "SSH-2.0-Go", "Teleport" in "SSH-2.0-Teleport_17 x".
std::string_view product_of(std::string_view identification) noexcept {
    for (const std::string_view version : {"SSH-2.0-", "SSH-1.99-"}) {
        if (identification.starts_with(version)) {
            identification.remove_prefix(version.size());
            return identification.substr(0, identification.find_first_of("_-./ "));
        }
    }
    return {};
}

}  // namespace

bool close_stands_for_eof(CloseWithoutEof choice, std::string_view identification) noexcept {
    // Whole names only: to take a truncation for an end is worse than the other way round, and who
    // knows the server can say so.
    constexpr std::array products{
        std::string_view{"Go"}, std::string_view{"Teleport"}, std::string_view{"gost"}};
    if (choice != CloseWithoutEof::by_server) {
        return choice == CloseWithoutEof::fin;
    }
    const std::string_view product = product_of(identification);
    return std::find(products.begin(), products.end(), product) != products.end();
}

}  // namespace caponier::relay
