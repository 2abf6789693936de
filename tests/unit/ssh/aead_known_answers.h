#pragma once
// Sealed packets that a program independent of ours computed: AES-GCM with Python's cryptography
// module, chacha20-poly1305@openssh.com with a ChaCha20 and a Poly1305 of a few lines of Python,
// the latter checked with RFC 8439's vectors. The keys are the bytes 0, 1, 2, ...; the payload is
// SSH_MSG_CHANNEL_DATA of "abc...z" on channel 3.

#include <array>
#include <cstdint>
#include <string_view>

#include "ssh/crypto/aead.h"

namespace caponier::ssh {

struct GcmAnswer {
    CipherAlgorithm algorithm;
    std::string_view iv;
    std::string_view sealed;
};

struct ChachaAnswer {
    std::uint32_t sequence;
    std::string_view sealed;
};

inline constexpr std::string_view known_gcm_frame =
    "00000030 0c 5e 00000003 0000001a 6162636465666768696a6b6c6d6e6f707172737475767778797a"
    "a0a1a2a3a4a5a6a7a8a9aaab";
inline constexpr std::string_view known_chacha_frame =
    "00000028 04 5e 00000003 0000001a 6162636465666768696a6b6c6d6e6f707172737475767778797a"
    "a0a1a2a3";

inline constexpr std::array<GcmAnswer, 10> known_gcm_answers{{
    {CipherAlgorithm::aes128_gcm,
     "0a0b0c0d0000000000000001",
     "00000030767cee33a4eddadc87fd656ecd685c18d9d9828ccc9f0a3cd8a2545bfcc7132bd5a2484f"
     "7c000bf100bacf69d39ea14e7c72a46636c58a3ea7cdcb88c5a3131a"},
    {CipherAlgorithm::aes128_gcm,
     "0a0b0c0d00000000ffffffff",
     "0000003066eb2495e389d7dd9cf896fb2cbcb6ef45c9218bf07168f8c2834d72984bd11d76018195"
     "6d1709a65b02ffc1f922782a116137c9a84f98a67d51ef7c9f5487a8"},
    {CipherAlgorithm::aes128_gcm,
     "0a0b0c0d0000000100000000",
     "00000030d28455d24071a302773d608f41e4302f7689171f96c13d33167328786c166abab9c032d7"
     "2eb8989f5a02a5edbee0a2d7ec43ab4d0e0d8e9b2a89dd36d947fc31"},
    {CipherAlgorithm::aes128_gcm,
     "0a0b0c0dffffffffffffffff",
     "00000030bee432a2fcbe8b6190bd095fa724bdeb166988a72617d222644612cbb1813fc5741b64eb"
     "fb9c0b4d461d72da18bff72ac84c2d934b2716211a9fc636462aec4f"},
    {CipherAlgorithm::aes128_gcm,
     "0a0b0c0d0000000000000000",
     "00000030b575cc4bb2da38c0b6241371f3ab8da171b5a01e460311dbaca46be3414545aa4090636d"
     "dfa6395cf15f98c1850629709d577b9409421ebb5fb144ed660516f1"},
    {CipherAlgorithm::aes256_gcm,
     "0a0b0c0d0000000000000001",
     "00000030295cedce573f9620daf0c3bee928328de5e8217788e5a37539fb301ed7b71122518ba743"
     "4c8bf39acae29d92fd312a92c9c57c5534282861a70f570474ed1d9c"},
    {CipherAlgorithm::aes256_gcm,
     "0a0b0c0d00000000ffffffff",
     "0000003038dd133b8b1129e3514d15a2aeb42cbb33dddcfc6f334245a36e4c64b629d563a1b7749e"
     "9bc46c1c7fae1f2647a741300b05f05431b8a3f5abd88e98198596c6"},
    {CipherAlgorithm::aes256_gcm,
     "0a0b0c0d0000000100000000",
     "000000302223c80ac8ea668534a1ea19209befc0f0079a957ec88a08e268c4b09a2eba7ddb93bdc8"
     "ec10e2b84f27b3c8b51e5aae051e02929e3449f8e7d153535757b552"},
    {CipherAlgorithm::aes256_gcm,
     "0a0b0c0dffffffffffffffff",
     "0000003031599b6306f0736268169ffd5e3127e1e0362aabb00cf2d08844b7970264ddeee01c76cf"
     "d7d71622f31ef2284a4003973cbe5ac207683e64ac5c14dbf017d595"},
    {CipherAlgorithm::aes256_gcm,
     "0a0b0c0d0000000000000000",
     "00000030da02d383b83c7252f8a70ca2d67b2cc6d17a455468e5b3a2a8b8d4ec6aef3dc8ddd7ff9e"
     "8a9760af750a6f3615ef91467102c67b69471c71deb133ffea4de764"},
}};

inline constexpr std::array<ChachaAnswer, 5> known_chacha_answers{{
    {0x0,
     "94450e711ce64231ade5a6d1137b3d03cc272b419fd99a9f8ac1363283888d605941002a05707117"
     "714f9efe9bf7d47e2bb55318770c91ebdb8b3195"},
    {0x1,
     "c922a78d6d027cd93109b87a2d6b1f4dd07072747799562aa5dd911b2a4ac45a5a9aea7ca4559570"
     "135a0c2035bb01897239ffb45313cf9380512fb8"},
    {0x7,
     "a39afc822c1815434e802a5e6c77da92b4ebb64a53da595c158f50ed2f1a6aadf3277622d32f88df"
     "b5c3561aa131fa6091ac764c927d19407aa7f40f"},
    {0x1020304,
     "bc798053929c1cb2db1226a9d477459ecb243f1266457dbd58d500b0e2023dd8522e5aae17a5593b"
     "85d15be2a9684a1a9d0acc4aacc63ae6f7fc93ab"},
    {0xffffffff,
     "b90ee4980dcc0c9bae07d4e2962ccad011e267c871d2507ca443b6163d5497325d93634db722a0f7"
     "5bf4ef1b0f861a3e9455d2b4fb40d5351583d80b"},
}};

}  // namespace caponier::ssh
