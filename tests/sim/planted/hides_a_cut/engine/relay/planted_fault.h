#pragma once
// Stands in for engine/relay/planted_fault.h in a build of the relay that is wrong on purpose:
// a cut connection is ended cleanly instead of being reset. See planted_fault_test.cpp.

namespace caponier::relay::planted_fault {

inline constexpr bool repeats_a_byte = false;
inline constexpr bool hides_a_cut = true;

}  // namespace caponier::relay::planted_fault
