// CPUs of which nothing is known: chacha20-poly1305 is the faster cipher without instructions for
// AES, and a server that offers AES-GCM alone is spoken to all the same.

#include "ssh/crypto/aead.h"

namespace caponier::ssh {

bool cpu_has_aes() noexcept {
    return false;
}

}  // namespace caponier::ssh
