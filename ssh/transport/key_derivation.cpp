// The exchange hash and RFC 4253 7.2's key derivation.

#include "ssh/transport/key_derivation.h"

#include <algorithm>
#include <array>

#include "ssh/wire/bytes.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

void update_string(Hash& hash, std::span<const std::byte> bytes) noexcept {
    std::array<std::byte, 4> length{};
    WireWriter{std::span<std::byte>{length}}.uint32(static_cast<std::uint32_t>(bytes.size()));
    hash.update(length);
    hash.update(bytes);
}

}  // namespace

Digest exchange_hash(HashAlgorithm algorithm, const ExchangeHashInput& input) noexcept {
    Hash hash{algorithm};
    update_string(hash, bytes_of(input.client_identification));
    update_string(hash, bytes_of(input.server_identification));
    update_string(hash, input.client_kexinit);
    update_string(hash, input.server_kexinit);
    update_string(hash, input.host_key);
    hash.update(input.group);
    update_string(hash, input.client_value);
    update_string(hash, input.server_value);
    hash.update(input.secret.encoded.bytes());
    return hash.finish();
}

SecretBytes KeyDerivation::derive(KeyPurpose purpose, std::size_t size) const {
    const std::size_t step = digest_bytes(hash);
    SecretBytes key{(size + step - 1) / step * step};
    const std::array letter{static_cast<std::byte>(purpose)};
    for (std::size_t done = 0; done < size; done += step) {
        Hash digest{hash};
        digest.update(secret.encoded.bytes());
        digest.update(exchange_hash.bytes());
        if (done == 0) {
            digest.update(letter);
            digest.update(session_id);
        } else {
            digest.update(key.bytes().first(done));
        }
        digest.finish(key.bytes().subspan(done, step));
    }
    key.shrink(size);
    return key;
}

}  // namespace caponier::ssh
