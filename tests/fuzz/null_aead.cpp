// A cipher that does nothing, in the place of both providers of ssh/crypto/aead_providers.h: an
// object file that defines their functions keeps the linker from taking theirs out of the library.
// So only a program of this folder can have it, and no line of the product knows of it. Under it a
// fuzzer's bytes are messages; release_binary_test.py shows that the program has nothing of this.

#include <algorithm>

#include "ssh/crypto/aead_providers.h"
#include "ssh/expects.h"
#include "ssh/wire/wire_reader.h"

namespace caponier::ssh {

namespace {

class NullAead final : public Aead {
  public:
    explicit NullAead(std::size_t tag_bytes) noexcept : tag_bytes_{tag_bytes} {}

    std::uint32_t packet_length(
        std::uint32_t, std::span<const std::byte, packet_length_bytes> sealed) noexcept override {
        return WireReader{sealed}.uint32();
    }
    void seal(std::uint32_t, std::span<std::byte> packet) noexcept override {
        std::ranges::fill(packet.last(tag_bytes_), std::byte{0});
    }
    void seal_from(std::uint32_t sequence,
                   std::span<std::byte> packet,
                   std::size_t data_offset,
                   std::span<const std::byte> data) noexcept override {
        std::ranges::copy(data, packet.subspan(data_offset).begin());
        seal(sequence, packet);
    }
    bool open(std::uint32_t, std::span<std::byte> packet) noexcept override {
        expects(packet.size() >= packet_length_bytes + tag_bytes_);
        return true;
    }

  private:
    std::size_t tag_bytes_;
};

}  // namespace

std::unique_ptr<Aead> make_openssl_aead(CipherAlgorithm algorithm, const AeadKey&) {
    return std::make_unique<NullAead>(shape_of(algorithm).tag_bytes);
}

std::unique_ptr<Aead> make_ipsec_mb_aead(CipherAlgorithm, const AeadKey&) {
    return nullptr;
}

}  // namespace caponier::ssh
