// Public keys as text: the line of a .pub file and RFC 4716. What the decoded blob means is
// public_key.cpp's.

#include <optional>
#include <utility>

#include "ssh/keys/base64.h"
#include "ssh/keys/certificate.h"
#include "ssh/keys/public_key.h"
#include "ssh/keys/text_lines.h"
#include "ssh/letter_case.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

constexpr std::size_t file_bytes_max = 64 * 1024;

constexpr std::string_view rfc4716_begin = "---- BEGIN SSH2 PUBLIC KEY ----";
constexpr std::string_view rfc4716_end = "---- END SSH2 PUBLIC KEY ----";
/// RFC 4716 3.3: "The Header-tag MUST NOT be more than 64 8-bit bytes", the value not above 1024.
constexpr std::size_t rfc4716_tag_bytes_max = 64;
constexpr std::size_t rfc4716_value_bytes_max = 1024;
/// RFC 4716 3.1: "Each line in the file MUST NOT be longer than 72 8-bit bytes excluding line
/// termination characters."
constexpr std::size_t rfc4716_line_bytes_max = 72;

tl::unexpected<Error> malformed() noexcept {
    return tl::unexpected{Error{ErrorCode::malformed_key}};
}

/// sshbuf_get_bignum2() drops zeros in front of a number, which RFC 4251 5 forbids and this engine
/// refuses from a peer. In a file of the user's they are dropped as well, because such a line may
/// be the one that revokes the key. Numbers are in RSA keys only.
void make_canonical(std::vector<std::byte>& blob) {
    WireReader in{blob};
    const std::string_view name = in.text();
    const std::span<const std::byte> exponent = in.string();
    const std::span<const std::byte> modulus = in.string();
    const auto is_negative = [](std::span<const std::byte> number) {
        return !number.empty() && (number[0] & std::byte{0x80}) != std::byte{0};
    };
    if (!in.complete() || blob_type_of_algorithm(name) != key_type_name(KeyType::rsa) ||
        is_negative(exponent) || is_negative(modulus)) {
        return;
    }
    std::vector<std::byte> canonical;
    WireWriter out{canonical};
    out.text(name);
    out.mpint(exponent);
    out.mpint(modulus);
    blob = std::move(canonical);
}

Result<std::vector<std::byte>> decode_blob(std::string_view base64) {
    std::vector<std::byte> blob(decoded_base64_bytes_max(base64.size()));
    const std::optional<std::size_t> size = decode_base64(base64, blob);
    if (!size) {
        return malformed();
    }
    blob.resize(*size);
    make_canonical(blob);
    const Result<PublicKey> key = parse_public_key(blob);
    if (!key && key.error().code == ErrorCode::malformed_key) {
        return malformed();
    }
    return blob_under_own_name(blob);
}

std::string_view without_quotes(std::string_view text) noexcept {
    const bool quoted = text.size() >= 2 && text.starts_with('"') && text.ends_with('"');
    return quoted ? text.substr(1, text.size() - 2) : text;
}

/// RFC 4716 3.3: a header whose line ends in a backslash goes on in the next line. Appends the
/// following lines to `header`.
bool read_continuation(TextLines& lines, std::string& header) {
    while (header.ends_with('\\')) {
        const std::optional<std::string_view> more = lines.next();
        if (!more || more->size() > rfc4716_line_bytes_max ||
            header.size() > rfc4716_tag_bytes_max + rfc4716_value_bytes_max) {
            return false;
        }
        header.pop_back();
        header += *more;
    }
    return true;
}

/// Takes the comment out of a header; any other tag is ignored (RFC 4716 3.3). False if it is too
/// long.
bool read_header(std::string_view header, std::string& comment) {
    const std::size_t colon = header.find(':');
    const std::string_view tag = header.substr(0, colon);
    const std::string_view value = trim(header.substr(colon + 1));
    if (tag.size() > rfc4716_tag_bytes_max || value.size() > rfc4716_value_bytes_max) {
        return false;
    }
    // RFC 4716 3.3: "The Header-tag is case-insensitive."
    if (equal_ignoring_case(tag, "Comment")) {
        comment = without_quotes(value);
    }
    return true;
}

}  // namespace

Result<PublicKeyText> parse_public_key_line(std::string_view line) {
    std::string_view rest = trim(line);
    const std::string_view type = take_word(rest);
    std::string base64{take_word(rest)};
    // b64_pton(), which ssh decodes with, skips what isspace() says. A revocation that some editor
    // ended with CR CR LF is one.
    std::erase_if(base64, [](char c) { return c == '\r' || c == '\v' || c == '\f'; });
    Result<std::vector<std::byte>> blob = decode_blob(base64);
    // A line that names one type and holds another is somebody's attempt at confusion.
    if (!blob || blob_type_of_algorithm(blob_type_name(*blob)) != blob_type_of_algorithm(type)) {
        return malformed();
    }
    return PublicKeyText{.blob = std::move(*blob), .comment = std::string{rest}};
}

Result<PublicKeyText> parse_rfc4716_public_key(std::string_view text) {
    if (text.size() > file_bytes_max) {
        return malformed();
    }
    TextLines lines{text};
    if (lines.next() != rfc4716_begin) {
        return malformed();
    }
    std::string comment;
    std::string base64;
    while (const std::optional<std::string_view> line = lines.next()) {
        if (*line == rfc4716_end) {
            Result<std::vector<std::byte>> blob = decode_blob(base64);
            if (!blob) {
                return tl::unexpected{blob.error()};
            }
            return PublicKeyText{.blob = std::move(*blob), .comment = std::move(comment)};
        }
        if (line->size() > rfc4716_line_bytes_max) {
            return malformed();
        }
        // RFC 4716 3.4: the first line without a colon begins the body.
        if (base64.empty() && line->find(':') != std::string_view::npos) {
            std::string header{*line};
            if (!read_continuation(lines, header) || !read_header(header, comment)) {
                return malformed();
            }
            continue;
        }
        base64 += trim(*line);
    }
    return malformed();
}

Result<PublicKeyText> parse_public_key_file(std::string_view text) {
    if (text.size() > file_bytes_max) {
        return malformed();
    }
    if (text.starts_with(rfc4716_begin)) {
        return parse_rfc4716_public_key(text);
    }
    TextLines lines{text};
    while (const std::optional<std::string_view> line = lines.next()) {
        const std::string_view content = trim(*line);
        if (!content.empty() && !content.starts_with('#')) {
            return parse_public_key_line(content);
        }
    }
    return malformed();
}

}  // namespace caponier::ssh
