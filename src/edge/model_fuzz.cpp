#include <cstdio>
#include <cstdlib>

#include "edge/model_play.h"

/// Each byte is a choice of what happens next; a difference between the edge and the reference ends the run.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace yz::edge::testing;
  static ModelStage stage;
  const auto difference = stage.play(Choices(std::span(data, size)), 200);
  if (difference) {
    std::fputs(difference->c_str(), stderr);
    std::abort();
  }
  return 0;
}
