// What an agent answers. The first byte of the input says what the rest is:
//   0  the beginning of a frame, 1 identities, 2 a signature (byte algorithm first), 3 a success,
//   4  what the agent is asked: its frames are as long as they say

#include <array>

#include "ssh/expects.h"
#include "ssh/keys/agent_messages.h"
#include "ssh/limits.h"
#include "tests/fuzz/fuzz_target.h"

namespace caponier::fuzz {

namespace {

bool is_inside(std::span<const std::byte> part, std::span<const std::byte> whole) {
    return part.empty() || (part.data() >= whole.data() &&
                            part.data() + part.size() <= whole.data() + whole.size());
}

void try_frame(std::span<const std::byte> bytes) {
    const auto frame = ssh::agent_frame_bytes(bytes);
    if (frame && *frame) {
        ssh::expects(**frame > ssh::agent_length_bytes);
        ssh::expects(**frame <= ssh::agent_length_bytes + ssh::agent_message_bytes_max);
    }
}

void try_identities(std::span<const std::byte> answer) {
    const auto identities = ssh::parse_identities_answer(answer);
    if (!identities) {
        return;
    }
    ssh::expects(identities->size() <= ssh::agent_identities_max);
    for (const ssh::AgentIdentity& identity : *identities) {
        ssh::expects(is_inside(identity.key, answer));
        ssh::expects(is_inside(ssh::bytes_of(identity.comment), answer));
    }
}

}  // namespace

void try_input(std::span<const std::byte> bytes) {
    Input input{bytes};
    constexpr std::array<std::string_view, 3> algorithms{
        "ssh-ed25519", "rsa-sha2-256", "rsa-sha2-512"};
    switch (input.byte()) {
    case 0:
        try_frame(input.rest());
        break;
    case 1:
        try_identities(input.rest());
        break;
    case 2: {
        const std::string_view algorithm = algorithms[input.byte() % algorithms.size()];
        const std::span<const std::byte> answer = input.rest();
        if (const auto signature = ssh::parse_sign_response(answer, algorithm)) {
            ssh::expects(!signature->empty() && is_inside(*signature, answer));
            ssh::expects(signature->size() <= ssh::signature_bytes_max);
        }
        break;
    }
    case 4: {
        const std::string_view algorithm = algorithms[input.byte() % algorithms.size()];
        const auto key = input.bytes(input.byte());
        const auto data = input.rest();
        for (const auto& frame :
             {ssh::make_request_identities(),
              ssh::make_sign_request({.key = key, .algorithm = algorithm, .data = data}),
              ssh::make_session_bind({.host_key = key,
              .session_id = data,
              .signature = key,
              .is_forwarding = false})}) {
            const auto bytes_of_frame = ssh::agent_frame_bytes(frame);
            ssh::expects(bytes_of_frame && *bytes_of_frame == frame.size());
        }
        break;
    }
    default:
        static_cast<void>(ssh::parse_success(input.rest()));
        break;
    }
}

}  // namespace caponier::fuzz
