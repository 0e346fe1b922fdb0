// Compiled into programs that use the typesetter under AddressSanitizer, so that a leak of a
// library is not reported as theirs, whatever their environment says.
extern "C" const char* __lsan_default_suppressions();

extern "C" const char* __lsan_default_suppressions() {
    // One pattern (288 bytes) a process, made by fontconfig when the first font map is created and
    // released only by FcFini, which a library must not call.
    return "leak:libfontconfig.so\n";
}

extern "C" const char* __lsan_default_options();

extern "C" const char* __lsan_default_options() {
    return "print_suppressions=0";
}
