// One line an event.

#include "tests/sim/transcript.h"

#include <cstdint>
#include <string_view>
#include <variant>

namespace caponier::sim {

namespace {

template <typename Id>
std::string numbered(std::string_view name, Id id) {
    return std::string{name} + ' ' + std::to_string(static_cast<std::uint32_t>(id));
}

std::string_view name_of(ssh::ChannelKind kind) {
    switch (kind) {
    case ssh::ChannelKind::direct_tcpip:
        return "direct-tcpip";
    case ssh::ChannelKind::direct_streamlocal:
        return "direct-streamlocal";
    case ssh::ChannelKind::forwarded_tcpip:
        return "forwarded-tcpip";
    case ssh::ChannelKind::forwarded_streamlocal:
        return "forwarded-streamlocal";
    }
    return {};
}

/// FNV-1a.
std::uint32_t checksum(std::span<const std::byte> bytes) {
    std::uint32_t sum = 2'166'136'261U;
    for (const std::byte byte : bytes) {
        sum = (sum ^ std::to_integer<std::uint32_t>(byte)) * 16'777'619U;
    }
    return sum;
}

std::string text(std::string_view name, std::string_view words) {
    return std::string{name} + ' ' + std::string{words};
}

struct Describe {
    std::string operator()(const ssh::PeerIdentified& event) const {
        return text("PeerIdentified", event.line);
    }
    std::string operator()(const ssh::HostKeyReceived& event) const {
        return text("HostKeyReceived", event.key.algorithm);
    }
    std::string operator()(const ssh::AuthenticationWanted& event) const {
        return text("AuthenticationWanted", event.methods) +
               (event.partial_success ? " more" : "") +
               (event.password_expired ? " password expired" : "");
    }
    std::string operator()(const ssh::SignatureWanted& event) const {
        return text("SignatureWanted", event.key.algorithm);
    }
    std::string operator()(const ssh::PromptsWanted& event) const {
        std::string line = text("PromptsWanted", event.name) + '|' + std::string{event.instruction};
        for (const ssh::Prompt& prompt : event.prompts) {
            line += '|' + std::string{prompt.text} + (prompt.echo ? "/echo" : "");
        }
        return line;
    }
    std::string operator()(const ssh::Banner& event) const { return text("Banner", event.text); }
    std::string operator()(const ssh::AuthenticationRequested& event) const {
        return text("AuthenticationRequested", event.user) + ' ' + std::string{event.method} +
               (event.signed_by_client ? " signed" : "") +
               (event.after_partial_success ? " after partial success" : "");
    }
    std::string operator()(const ssh::PromptsAnswered& event) const {
        return "PromptsAnswered " + std::to_string(event.answers.size());
    }
    std::string operator()(const ssh::Established&) const { return "Established"; }
    std::string operator()(const ssh::KeysChanged& event) const {
        return text("KeysChanged", event.kex) + ' ' + std::string{event.cipher_out} +
               (event.strict ? " strict" : "");
    }
    std::string operator()(const ssh::ChannelOpened& event) const {
        return numbered("ChannelOpened", event.id);
    }
    std::string operator()(const ssh::ChannelRefused& event) const {
        return numbered("ChannelRefused", event.id) + ' ' +
               std::to_string(static_cast<std::uint32_t>(event.reason)) + ' ' +
               std::string{event.text};
    }
    std::string operator()(const ssh::ChannelData& event) const {
        return numbered("ChannelData", event.id) + ' ' + std::to_string(event.bytes.size()) + ' ' +
               std::to_string(checksum(event.bytes));
    }
    std::string operator()(const ssh::ChannelEof& event) const {
        return numbered("ChannelEof", event.id);
    }
    std::string operator()(const ssh::ChannelClosed& event) const {
        return numbered("ChannelClosed", event.id) + (event.cut ? " cut" : "");
    }
    std::string operator()(const ssh::WindowOpened& event) const {
        return numbered("WindowOpened", event.id);
    }
    std::string operator()(const ssh::SendReady&) const { return "SendReady"; }
    std::string operator()(const ssh::ChannelRequested& event) const {
        return numbered("ChannelRequested", event.id) + ' ' + std::string{name_of(event.kind)} +
               ' ' + std::string{event.host} + ' ' + std::to_string(event.port);
    }
    std::string operator()(const ssh::ForwardReply& event) const {
        return numbered("ForwardReply", event.id) + (event.cancel ? " cancel" : "") +
               (event.accepted ? " accepted " : " refused ") + std::to_string(event.port);
    }
    std::string operator()(const ssh::ForwardRequested& event) const {
        const bool path = event.address.kind == ssh::ForwardAddress::Kind::streamlocal;
        return numbered("ForwardRequested", event.id) + (event.cancel ? " cancel " : " ") +
               std::string{event.address.host} +
               (path ? " path" : ' ' + std::to_string(event.address.port));
    }
    std::string operator()(const ssh::ProbeAnswered&) const { return "ProbeAnswered"; }
    std::string operator()(const ssh::SessionEnded& event) const {
        return text("SessionEnded", ssh::describe(event.error.code));
    }
    std::string operator()(const ssh::Warning& event) const { return text("Warning", event.text); }
};

}  // namespace

std::string describe_event(const ssh::Event& event) {
    return std::visit(Describe{}, event);
}

}  // namespace caponier::sim
