// Stands in for ipsec_mb_aead.cpp where the machine is not x86-64 or the library is not installed:
// the provider exists and serves nothing.

#include "ssh/crypto/aead_providers.h"

namespace caponier::ssh {

std::unique_ptr<Aead> make_ipsec_mb_aead(CipherAlgorithm, const AeadKey&) {
    return nullptr;
}

}  // namespace caponier::ssh
