// The messages of RFC 4256 3.

#include "ssh/auth/keyboard_interactive_method.h"

#include "ssh/auth/public_key_method.h"
#include "ssh/expects.h"
#include "ssh/limits.h"
#include "ssh/wire/message_numbers.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

tl::unexpected<Error> malformed(MessageNumber number) noexcept {
    return tl::unexpected{Error{ErrorCode::malformed_message, static_cast<std::uint32_t>(number)}};
}

}  // namespace

std::vector<std::byte> make_keyboard_interactive_request(std::string_view user) {
    // RFC 4256 3.1
    std::vector<std::byte> payload;
    WireWriter out{payload};
    out.message(MessageNumber::userauth_request);
    out.text(user);
    out.text(connection_service);
    out.text(keyboard_interactive_method);
    // "The language tag is deprecated and SHOULD be the empty string."
    out.text("");
    // Submethods, if the user prefers any: "Otherwise, it MUST send the empty string."
    out.text("");
    return payload;
}

SecretBytes make_info_response(std::span<const std::span<const std::byte>> answers) {
    // RFC 4256 3.4
    std::size_t size = 1 + 4;
    for (const std::span<const std::byte> answer : answers) {
        size += 4 + answer.size();
    }
    SecretBytes payload{size};
    WireWriter out{payload.bytes()};
    out.message(MessageNumber::userauth_info_response);
    out.uint32(static_cast<std::uint32_t>(answers.size()));
    for (const std::span<const std::byte> answer : answers) {
        out.string(answer);
    }
    expects(out.complete());
    return payload;
}

std::vector<std::byte> make_info_request(const InfoRequest& request) {
    // RFC 4256 3.2
    std::vector<std::byte> payload;
    WireWriter out{payload};
    out.message(MessageNumber::userauth_info_request);
    out.text(request.name);
    out.text(request.instruction);
    out.text("");
    out.uint32(static_cast<std::uint32_t>(request.prompts.size()));
    for (const Prompt& prompt : request.prompts) {
        out.text(prompt.text);
        out.boolean(prompt.echo);
    }
    return payload;
}

Result<InfoRequest> parse_info_request(std::span<const std::byte> payload) {
    WireReader in{payload};
    in.byte();
    InfoRequest request;
    request.name = in.text();
    request.instruction = in.text();
    in.text();  // language tag
    const std::uint32_t count = in.uint32();
    if (count > prompts_max) {
        return malformed(MessageNumber::userauth_info_request);
    }
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        Prompt prompt;
        prompt.text = in.text();
        prompt.echo = in.boolean();
        request.prompts.push_back(prompt);
    }
    if (!in.complete()) {
        return malformed(MessageNumber::userauth_info_request);
    }
    return request;
}

Result<AnswerViews> parse_info_response(std::span<const std::byte> payload) {
    WireReader in{payload};
    in.byte();
    const std::uint32_t count = in.uint32();
    AnswerViews answers;
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        answers.push_back(in.string());
    }
    if (!in.complete()) {
        return malformed(MessageNumber::userauth_info_response);
    }
    return answers;
}

Result<std::string_view> parse_keyboard_interactive_request(
    std::span<const std::byte> fields) noexcept {
    WireReader in{fields};
    in.text();  // language tag
    const std::string_view submethods = in.text();
    if (!in.complete()) {
        return malformed(MessageNumber::userauth_request);
    }
    return submethods;
}

}  // namespace caponier::ssh
