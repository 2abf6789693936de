// Whether an AArch64 CPU computes AES-GCM in hardware: the rounds and the carry-less product. The
// kernel tells it in the auxiliary vector.

#include <asm/hwcap.h>
#include <sys/auxv.h>

#include "ssh/crypto/aead.h"

namespace caponier::ssh {

bool cpu_has_aes() noexcept {
    constexpr unsigned long wanted = HWCAP_AES | HWCAP_PMULL;
    return (getauxval(AT_HWCAP) & wanted) == wanted;
}

}  // namespace caponier::ssh
