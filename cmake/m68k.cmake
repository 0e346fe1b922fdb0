# Cross compilation for 68040 cards without an operating system. Clang's m68k back end miscompiles;
# GCC 12 is the only compiler for this target.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR m68k)
set(CMAKE_CXX_COMPILER m68k-linux-gnu-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_CXX_FLAGS_INIT
    "-m68040 -ffreestanding -fno-pic -fno-exceptions -fno-rtti -fno-threadsafe-statics \
-fno-stack-protector -ffunction-sections -fdata-sections")
