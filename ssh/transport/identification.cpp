// Finding the peer's identification in a stream that may be cut anywhere, and that may not be SSH.

#include "ssh/transport/identification.h"

#include "ssh/limits.h"

namespace caponier::ssh {

std::string identification_line(std::string_view software) {
    std::string line{"SSH-2.0-"};
    line.append(software).append("\r\n");
    return line;
}

Result<std::size_t> IdentificationReader::take(std::span<const std::byte> bytes) {
    std::size_t taken = 0;
    for (const std::byte byte : bytes) {
        if (done_) {
            break;
        }
        ++taken;
        const char character = std::to_integer<char>(byte);
        if (character == '\n') {
            if (const Result<void> ended = end_line(); !ended) {
                return tl::unexpected{ended.error()};
            }
            continue;
        }
        // RFC 4253 4.2: "The null character MUST NOT be sent." A CR stands only in front of an LF.
        const bool after_cr = !line_.empty() && line_.back() == '\r';
        if (character == '\0' || after_cr) {
            return tl::unexpected{Error{ErrorCode::not_ssh}};
        }
        line_.push_back(character);
        const bool maybe_ssh = std::string_view{line_}.substr(0, 4) ==
                               std::string_view{"SSH-"}.substr(0, line_.size());
        // RFC 4253 4.2: "The maximum length of the string is 255 characters, including the Carriage
        // Return and Line Feed." Only a server may send other lines before it.
        const std::size_t longest =
            maybe_ssh ? identification_bytes_max - 1 : line_before_identification_bytes_max;
        if (line_.size() > longest || (role_ == Role::server && !maybe_ssh)) {
            return tl::unexpected{Error{ErrorCode::not_ssh}};
        }
    }
    return taken;
}

Result<void> IdentificationReader::end_line() {
    if (!line_.empty() && line_.back() == '\r') {
        line_.pop_back();
    }
    const std::string_view line{line_};
    if (!line.starts_with("SSH-")) {
        // RFC 4253 4.2: "The server MAY send other lines of data before sending the version
        // string."
        if (role_ == Role::server || ++lines_before_ > lines_before_identification_max) {
            return tl::unexpected{Error{ErrorCode::not_ssh}};
        }
        if (!line.empty()) {
            line_before_ = line.substr(0, identification_bytes_max);
        }
        line_.clear();
        return {};
    }
    // RFC 4253 5.1: "1.99" stands for 2.0 with compatibility for old clients.
    if (!line.starts_with("SSH-2.0-") && !line.starts_with("SSH-1.99-")) {
        return tl::unexpected{Error{ErrorCode::unsupported_version}};
    }
    done_ = true;
    return {};
}

}  // namespace caponier::ssh
