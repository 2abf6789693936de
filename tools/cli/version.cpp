// What `caponier -V` says. The number itself comes from meson (version_number.h.in).

#include "tools/cli/version.h"

#include <fmt/format.h>
#include <libssh2.h>
#include <openssl/crypto.h>

#include "tools/version_number.h"

namespace caponier::cli {

std::string version_line() {
    return fmt::format("Caponier {}, libssh2 {}, OpenSSL {}",
                       version_number,
                       libssh2_version(0),
                       OpenSSL_version(OPENSSL_VERSION_STRING));
}

}  // namespace caponier::cli
