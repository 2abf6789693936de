// SSH_MSG_USERAUTH_REQUEST with the publickey methods.

#include "ssh/auth/public_key_method.h"

#include "ssh/keys/certificate.h"
#include "ssh/limits.h"
#include "ssh/wire/message_numbers.h"
#include "ssh/wire/name_list.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

void write_request(WireWriter& out, const PublicKeyRequest& request) {
    // RFC 4252 7
    const bool host_bound = !request.server_host_key.empty();
    out.message(MessageNumber::userauth_request);
    out.text(request.user);
    out.text(connection_service);
    out.text(host_bound ? host_bound_method : public_key_method);
    out.boolean(request.has_signature);
    out.text(request.key.algorithm);
    out.string(request.key.blob);
    if (host_bound) {
        out.string(request.server_host_key);
    }
}

}  // namespace

std::vector<std::byte> make_public_key_request(const PublicKeyRequest& request) {
    std::vector<std::byte> payload;
    WireWriter out{payload};
    write_request(out, request);
    if (request.has_signature) {
        out.string(request.signature);
    }
    return payload;
}

std::vector<std::byte> signed_bytes(std::span<const std::byte> session_id,
                                    const PublicKeyRequest& request) {
    std::vector<std::byte> bytes;
    WireWriter out{bytes};
    out.string(session_id);
    write_request(out, request);
    return bytes;
}

Result<PublicKeyRequest> parse_public_key_request(std::string_view user,
                                                  std::string_view method,
                                                  std::span<const std::byte> fields) {
    WireReader in{fields};
    PublicKeyRequest request{.user = user,
                             .key = {},
                             .server_host_key = {},
                             .has_signature = in.boolean(),
                             .signature = {}};
    request.key.algorithm = in.text();
    request.key.blob = in.string();
    if (method == host_bound_method) {
        request.server_host_key = in.string();
    }
    if (request.has_signature) {
        request.signature = in.string();
    }
    const bool names_host_key = method != host_bound_method || !request.server_host_key.empty();
    if (!in.complete() || !names_host_key || request.key.blob.size() > public_key_blob_bytes_max) {
        return tl::unexpected{Error{ErrorCode::malformed_message,
                                    static_cast<std::uint32_t>(MessageNumber::userauth_request)}};
    }
    return request;
}

std::string_view signature_algorithm_for(std::string_view key_type,
                                         std::span<const std::string> allowed,
                                         std::string_view server_sig_algs) noexcept {
    for (const std::string_view name : allowed) {
        const bool fits = blob_type_of_algorithm(name) == key_type;
        // RFC 8308 3.1: without server-sig-algs the client just tries. It names what signatures are
        // made with, so that a certificate's algorithm is looked for by its key's. It is asked only
        // where there is a choice: as with OpenSSH, another key is tried whatever it says, because
        // ssh2 forgets a comma and says "ecdsa-sha2-nistp521rsa-sha2-512".
        const std::string_view plain = plain_algorithm(name);
        const bool server_takes_it = server_sig_algs.empty() || !plain.starts_with("rsa-") ||
                                     NameList{server_sig_algs}.contains(plain);
        if (fits && server_takes_it) {
            return name;
        }
    }
    return {};
}

}  // namespace caponier::ssh
