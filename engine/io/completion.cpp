// The one thing that a Completion checks by itself: the kernel or a list of the loop still points
// to it while it is in flight, so it must not end before its callback has run.

#include "engine/io/completion.h"

#include "engine/io/expects.h"

namespace caponier::io {

Completion::~Completion() {
    expects(!in_flight());
}

}  // namespace caponier::io
