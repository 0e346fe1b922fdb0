// Each of these must not compile; CMakeLists.txt says with which words.
#include <equus/wire/codec.hpp>

struct inner {
    int value = 0;
};
enum class gap : unsigned short { a = 0, b = 2 };
EQUUS_ENUM(gap, a, b)

struct message {
#if defined REFUSED_POINTER
    int* field = nullptr;
#elif defined REFUSED_C_ARRAY
    int field[3] = {};
#elif defined REFUSED_VIEW
    std::string_view field;
#elif defined REFUSED_INSTANT
    equus::time_point field;
#elif defined REFUSED_CHAR
    char field = 0;
#elif defined REFUSED_NO_FIELDS
    std::vector<inner> field;
#elif defined REFUSED_GAP
    gap field = gap::a;
#elif defined REFUSED_OWNED_NUMBER
    std::unique_ptr<int> field;
#else
    int field = 0;
#endif
    EQUUS_FIELDS(field)
};

std::size_t size(const message& m) {
    return equus::wire::size_bytes(m);
}
