// Whether an x86-64 CPU computes AES-GCM in hardware: the rounds and the carry-less product.

#include "ssh/crypto/aead.h"

namespace caponier::ssh {

bool cpu_has_aes() noexcept {
    return __builtin_cpu_supports("aes") != 0 && __builtin_cpu_supports("pclmul") != 0;
}

}  // namespace caponier::ssh
