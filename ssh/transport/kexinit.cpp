// SSH_MSG_KEXINIT, field by field.

#include "ssh/transport/kexinit.h"

#include <initializer_list>

#include "ssh/wire/message_numbers.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

Result<KexInit> parse_kexinit(std::span<const std::byte> payload) noexcept {
    // RFC 4253 7.1
    WireReader in{payload};
    const std::uint8_t number = in.byte();
    KexInit message{.cookie = in.fixed(kexinit_cookie_bytes),
                    .kex = in.name_list(),
                    .host_key = in.name_list(),
                    .cipher_client_to_server = in.name_list(),
                    .cipher_server_to_client = in.name_list(),
                    .mac_client_to_server = in.name_list(),
                    .mac_server_to_client = in.name_list(),
                    .compression_client_to_server = in.name_list(),
                    .compression_server_to_client = in.name_list(),
                    .language_client_to_server = in.name_list(),
                    .language_server_to_client = in.name_list(),
                    .first_kex_packet_follows = in.boolean()};
    in.uint32();  // RFC 4253 7.1: "0 (reserved for future extension)"
    if (!in.complete() || number != static_cast<std::uint8_t>(MessageNumber::kexinit)) {
        return tl::unexpected{Error{ErrorCode::malformed_message, number}};
    }
    // RFC 4253 7.1: each list but the languages "MUST contain at least one algorithm name"; the MAC
    // lists are not held to it, because some AEAD-only peers leave them empty.
    for (const NameList& list : {message.kex,
                                 message.host_key,
                                 message.cipher_client_to_server,
                                 message.cipher_server_to_client,
                                 message.compression_client_to_server,
                                 message.compression_server_to_client}) {
        if (list.empty()) {
            return tl::unexpected{Error{ErrorCode::malformed_message, number}};
        }
    }
    return message;
}

std::vector<std::byte> make_kexinit(const AlgorithmLists& lists,
                                    std::span<const std::string> markers,
                                    const RandomSource& random) {
    std::vector<std::string> kex{lists.kex};
    kex.insert(kex.end(), markers.begin(), markers.end());

    std::vector<std::byte> payload;
    WireWriter out{payload};
    out.message(MessageNumber::kexinit);
    random(out.claim(kexinit_cookie_bytes));
    out.name_list(kex);
    out.name_list(lists.host_key);
    out.name_list(lists.cipher);
    out.name_list(lists.cipher);
    out.name_list(lists.mac);
    out.name_list(lists.mac);
    out.name_list({"none"});
    out.name_list({"none"});
    out.text({});
    out.text({});
    out.boolean(false);
    out.uint32(0);
    return payload;
}

}  // namespace caponier::ssh
