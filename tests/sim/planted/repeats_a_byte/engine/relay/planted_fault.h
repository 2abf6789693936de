#pragma once
// Stands in for engine/relay/planted_fault.h in a build of the relay that is wrong on purpose:
// the first byte of what is left over from a short write is sent twice. See planted_fault_test.cpp.

namespace caponier::relay::planted_fault {

inline constexpr bool repeats_a_byte = true;
inline constexpr bool hides_a_cut = false;

}  // namespace caponier::relay::planted_fault
