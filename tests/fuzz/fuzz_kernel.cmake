equus_fuzzer(fuzz_kernel SOURCES fuzz_kernel.cpp LIBS equus::services equus::runtime equus::linux)
