#include "cli/shell.h"

int main(int argc, char** argv) { return yz::cli::run(argc, argv); }
