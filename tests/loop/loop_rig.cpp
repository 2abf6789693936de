// See loop_rig.h. The two backends come from choose_loop(), as in the program; SimLoop stands on a
// network of its own with a fixed seed and no faults but the one that a test asks for.

#include "tests/loop/loop_rig.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include <sys/resource.h>

#include "engine/io/choose_loop.h"
#include "engine/io/expects.h"
#include "tests/sim/sim_loop.h"
#include "tests/sim/sim_network.h"

namespace caponier::looptest {

namespace {

class KernelRig final : public LoopRig {
  public:
    explicit KernelRig(io::Backend backend) {
        tl::expected<io::ChosenLoop, std::string> chosen = io::choose_loop(backend);
        if (!chosen) {
            std::fprintf(stderr, "%s\n", chosen.error().c_str());
        }
        io::expects(chosen.has_value());
        loop_ = std::move(chosen->loop);
    }

    ~KernelRig() override {
        set_descriptors_exhausted(false);
        if (!folder_.empty()) {
            std::error_code ignored;
            std::filesystem::remove_all(folder_, ignored);
        }
    }

    io::Loop& loop() noexcept override { return *loop_; }

    io::Address unused_unix_address() override {
        if (folder_.empty()) {
            std::string name = "/tmp/caponier-loop-XXXXXX";
            io::expects(::mkdtemp(name.data()) != nullptr);
            folder_ = name;
        }
        const std::filesystem::path path = folder_ / std::to_string(++paths_);
        return io::Address::unix_path(path.native()).value_or(io::Address{});
    }

    void set_descriptors_exhausted(bool exhausted) override {
        if (exhausted == is_exhausted_) {
            return;
        }
        if (exhausted) {
            io::expects(::getrlimit(RLIMIT_NOFILE, &usual_) == 0);
        }
        rlimit wanted = usual_;
        wanted.rlim_cur = exhausted ? 0 : usual_.rlim_cur;
        io::expects(::setrlimit(RLIMIT_NOFILE, &wanted) == 0);
        is_exhausted_ = exhausted;
    }

  private:
    std::unique_ptr<io::Loop> loop_;
    std::filesystem::path folder_;
    int paths_ = 0;
    rlimit usual_{};
    bool is_exhausted_ = false;
};

class SimRig final : public LoopRig {
  public:
    io::Loop& loop() noexcept override { return loop_; }

    io::Address unused_unix_address() override {
        return io::Address::unix_path("/simulated/" + std::to_string(++paths_))
            .value_or(io::Address{});
    }

    void set_descriptors_exhausted(bool exhausted) override {
        loop_.set_faults(sim::Faults{.failed_accept = exhausted ? 10'000U : 0U});
    }

  private:
    sim::SimNetwork network_{1};
    sim::SimLoop loop_{network_};
    int paths_ = 0;
};

LoopKind kernel_loop(std::string name, io::Backend backend) {
    return {.name = std::move(name), .has_kernel = true, .make = [backend] {
                return std::make_unique<KernelRig>(backend);
            }};
}

}  // namespace

std::vector<LoopKind> kernel_loops() {
    return {kernel_loop("io_uring", io::Backend::io_uring),
            kernel_loop("epoll", io::Backend::epoll)};
}

std::vector<LoopKind> all_loops() {
    std::vector<LoopKind> kinds = kernel_loops();
    kinds.push_back(
        {.name = "sim", .has_kernel = false, .make = [] { return std::make_unique<SimRig>(); }});
    return kinds;
}

}  // namespace caponier::looptest
