#pragma once
// Letters from any thread to whoever lives on a loop: the only way in which shards speak to each
// other. A letter travels by Loop::post() and is read on the loop's thread, in the order of
// sending.

#include <memory>
#include <utility>

#include "engine/io/loop.h"

namespace caponier::relay {

/// Outlives every letter to it: whoever writes and whoever reads agree on which is the last.
template <typename Letter>
class Mailbox {
  public:
    class Reader {
      public:
        Reader() = default;
        Reader(const Reader&) = delete;
        Reader& operator=(const Reader&) = delete;
        virtual void read(Letter&& letter) noexcept = 0;

      protected:
        ~Reader() = default;
    };

    Mailbox(io::Loop& loop, Reader& reader) noexcept : loop_(loop), reader_(reader) {}

    /// From any thread. Never calls the reader from inside.
    void put(Letter&& letter) noexcept {
        // Once it is posted, the envelope is the other thread's, which may be done with it already.
        Envelope* const envelope = std::make_unique<Envelope>(*this, std::move(letter)).release();
        loop_.post(envelope->posted);
    }

  private:
    struct Envelope {
        Envelope(Mailbox& to, Letter&& content) noexcept : box(to), letter(std::move(content)) {
            posted.template bind<&Envelope::on_posted>(*this);
        }
        void on_posted(io::Outcome&) noexcept {
            const std::unique_ptr<Envelope> self{this};
            box.reader_.read(std::move(letter));
        }

        Mailbox& box;
        Letter letter;
        io::Completion posted;
    };

    io::Loop& loop_;
    Reader& reader_;
};

}  // namespace caponier::relay
