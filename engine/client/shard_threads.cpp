// One function a thread.

#include "engine/client/shard_threads.h"

#include <system_error>

#include "engine/io/expects.h"

namespace caponier::client {

ShardThreads::~ShardThreads() {
    io::expects(threads_.empty());
}

void ShardThreads::start_shard(const relay::Shard::Place& place) noexcept {
    try {
        threads_.emplace_back([this, place] { run(place); });
    } catch (const std::system_error&) {
        place.relay.put(relay::ShardFailed{place.id});
    }
}

void ShardThreads::run(const relay::Shard::Place& place) {
    if (options_.pinned_to) {
        options_.pinned_to->pin_thread(relay::index_of(place.id));
    }
    auto chosen = io::choose_loop(options_.backend);
    if (!chosen) {
        place.relay.put(relay::ShardFailed{place.id});
        return;
    }
    {
        relay::Shard shard{*chosen->loop, place};
        shard.run();
    }
    credentials_.drain(*chosen->loop);
    relay_is_done_.wait();
}

void ShardThreads::join() noexcept {
    relay_is_done_.count_down();
    for (std::thread& thread : threads_) {
        thread.join();
    }
    threads_.clear();
}

}  // namespace caponier::client
