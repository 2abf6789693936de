// The probe behind choose_loop: asks the kernel for each operation by number, tries the one
// registration that has no number, and enters once, because a seccomp filter may allow the setup
// and refuse the rest.

#include "engine/io/uring_probe.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string_view>

#include "engine/io/loop.h"

namespace caponier::io {

namespace {

struct NeededOperation {
    int number;
    std::string_view name;
};

constexpr std::array<NeededOperation, 7> needed_operations{{
    {IORING_OP_ACCEPT, "IORING_OP_ACCEPT"},
    {IORING_OP_CONNECT, "IORING_OP_CONNECT"},
    {IORING_OP_RECV, "IORING_OP_RECV"},
    {IORING_OP_SENDMSG, "IORING_OP_SENDMSG"},
    {IORING_OP_POLL_ADD, "IORING_OP_POLL_ADD"},
    {IORING_OP_ASYNC_CANCEL, "IORING_OP_ASYNC_CANCEL"},
    {IORING_OP_CLOSE, "IORING_OP_CLOSE"},
}};

constexpr std::uint32_t needed_features =
    IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL | IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP;

std::optional<UringRefusal> find_missing_number(io_uring& ring) {
    const std::unique_ptr<io_uring_probe, decltype(&io_uring_free_probe)> probe{
        io_uring_get_probe_ring(&ring), &io_uring_free_probe};
    if (!probe) {
        return UringRefusal{.call = "io_uring_register", .error = EPERM};
    }
    for (const NeededOperation& needed : needed_operations) {
        if (io_uring_opcode_supported(probe.get(), needed.number) == 0) {
            return UringRefusal{.call = std::string{needed.name}, .error = 0};
        }
    }
    return std::nullopt;
}

// Buffer rings came with Linux 5.19, as did multishot accept, which cannot be asked for.
std::optional<UringRefusal> try_buffer_ring(io_uring& ring) {
    constexpr std::size_t page_bytes = 4096;
    const std::unique_ptr<void, decltype(&std::free)> page{
        std::aligned_alloc(page_bytes, page_bytes), &std::free};
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(page.get());
    registration.ring_entries = 1;
    const int result = io_uring_register_buf_ring(&ring, &registration, 0);
    if (result < 0) {
        return UringRefusal{.call = "IORING_REGISTER_PBUF_RING",
                            .error = result == -EINVAL ? 0 : -result};
    }
    io_uring_unregister_buf_ring(&ring, registration.bgid);
    return std::nullopt;
}

// kernel.io_uring_disabled is there since Linux 6.6: 0 all may, 1 a group may, 2 nobody may.
int disabled_setting() {
    std::ifstream file{"/proc/sys/kernel/io_uring_disabled"};
    int setting = 0;
    file >> setting;
    return file ? setting : 0;
}

std::string_view why_not_permitted() {
    switch (disabled_setting()) {
    case 1:
        return "kernel.io_uring_disabled is 1: only root and the group of kernel.io_uring_group "
               "may "
               "use it";
    case 2:
        return "kernel.io_uring_disabled is 2: it is switched off on this machine";
    default:
        return "a seccomp filter refuses it, as containers do by default";
    }
}

}  // namespace

std::optional<UringRefusal> find_missing_operation(UringRing& ring) {
    io_uring& kernel_ring = ring.kernel_ring();
    if ((kernel_ring.features & needed_features) != needed_features) {
        return UringRefusal{.call = "IORING_FEAT_CQE_SKIP", .error = 0};
    }
    if (std::optional<UringRefusal> missing = find_missing_number(kernel_ring)) {
        return missing;
    }
    if (std::optional<UringRefusal> missing = try_buffer_ring(kernel_ring)) {
        return missing;
    }
    const int entered = ring.enter(false, std::nullopt);
    if (entered < 0) {
        return UringRefusal{.call = "io_uring_enter", .error = -entered};
    }
    return std::nullopt;
}

std::string explain(const UringRefusal& refusal) {
    std::string text = refusal.call;
    switch (refusal.error) {
    case 0:
        return text += " is missing in this kernel; Linux 6.1 has it";
    case ENOSYS:
        return text += " is not implemented in this kernel; Linux 6.1 has it";
    case EPERM:
    case EACCES:
        text += " is not permitted (";
        text += why_not_permitted();
        return text += ')';
    case ENOMEM:
        return text +=
               " found no memory for the ring (raise the memory limit of the process or its "
               "cgroup)";
    default:
        text += " failed: ";
        return text += describe(IoError{refusal.error});
    }
}

}  // namespace caponier::io
