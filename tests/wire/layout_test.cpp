// The layout algorithm against the schema compiler's, on structs and unions at random.
#include "generator.hpp"
#include "support.hpp"

#include <equus/wire/layout.hpp>

using namespace equus;
using wire::detail::struct_layout;
using wire::detail::union_layout;

namespace {

struct field_type {
    const char* name;
    int log2_bits; ///< -1: a pointer, -2: Void
};
constexpr field_type types[] = {
    {"Bool", 0},  {"UInt8", 3}, {"Int16", 4}, {"UInt32", 5}, {"Float64", 6},
    {"Text", -1}, {"Void", -2}, {"Bool", 0},  {"Int8", 3},   {"UInt16", 4},
};

template <class Layout>
std::string place(const field_type& type, Layout& in) {
    if (type.log2_bits == -2) {
        if constexpr (requires { in.add_void(); })
            in.add_void();
        return " void";
    }
    if (type.log2_bits == -1)
        return " pointer " + std::to_string(in.add_pointer());
    return " data " + std::to_string(in.add_data(static_cast<unsigned>(type.log2_bits))) + " = 0";
}

/// A struct of fields and optionals in text, and what our algorithm makes of it.
std::string random_struct(generator::random_source& from, std::vector<std::string>& expected) {
    struct_layout layout;
    std::string text;
    std::uint32_t ordinal = 0;
    for (std::size_t count = from.below(40); count > 0; --count) {
        const field_type& type = types[from.below(std::size(types))];
        const std::string name = "f" + std::to_string(ordinal);
        if (from.below(4) != 0) {
            text += name + " @" + std::to_string(ordinal++) + " :" + type.name + ";\n";
            expected.push_back(name + place(type, layout));
        } else {
            text += name + " :union { none @" + std::to_string(ordinal) + " :Void; some @" +
                    std::to_string(ordinal + 1) + " :" + type.name + "; }\n";
            ordinal += 2;
            expected.push_back(name + ".tag " + std::to_string(layout.add_data(4)));
            expected.push_back(name + ".none void");
            expected.push_back(name + ".some" + place(type, layout));
        }
    }
    expected.push_back("size " + std::to_string(layout.data_words()) + " " +
                       std::to_string(layout.pointer_count()));
    return text;
}

/// A union of single fields.
std::string random_union(generator::random_source& from, std::vector<std::string>& expected) {
    struct_layout layout;
    union_layout<40> members{layout};
    std::string text = "union {\n";
    const std::size_t count = 2 + from.below(30);
    for (std::size_t i = 0; i < count; ++i) {
        const field_type& type = types[from.below(std::size(types))];
        const std::string name = "f" + std::to_string(i);
        text += name + " @" + std::to_string(i) + " :" + type.name + ";\n";
        expected.push_back(name + place(type, members));
    }
    expected.push_back("tag " + std::to_string(members.discriminant()));
    expected.push_back("size " + std::to_string(layout.data_words()) + " " +
                       std::to_string(layout.pointer_count()));
    return text + "}\n";
}

} // namespace

TEST_CASE("random structs and unions have the layout of the schema compiler", "[wire]") {
    generator::random_source from{20240601};
    constexpr int rounds = 400;
    std::string text = "@0xd5a3b1c2e4f60718;\n";
    std::vector<std::vector<std::string>> expected(rounds);
    for (int i = 0; i < rounds; ++i) {
        auto& mine = expected[static_cast<std::size_t>(i)];
        text += "struct S" + std::to_string(i) + " {\n" +
                (i % 2 == 0 ? random_struct(from, mine) : random_union(from, mine)) + "}\n";
    }
    const oracle::schema compiled{text};
    for (int i = 0; i < rounds; ++i) {
        auto mine = expected[static_cast<std::size_t>(i)];
        auto theirs = compiled.layout("S" + std::to_string(i));
        std::sort(mine.begin(), mine.end());
        std::sort(theirs.begin(), theirs.end());
        INFO("S" << i);
        REQUIRE(mine == theirs);
    }
}

TEST_CASE("a field is never moved by those appended to it", "[wire]") {
    generator::random_source from{7};
    for (int round = 0; round < 100; ++round) {
        std::vector<unsigned> sizes(1 + from.below(30));
        for (unsigned& each : sizes)
            each = static_cast<unsigned>(std::array{0, 3, 4, 5, 6}[from.below(5)]);
        struct_layout whole;
        std::vector<std::uint32_t> places;
        for (const unsigned each : sizes)
            places.push_back(whole.add_data(each));
        struct_layout part;
        const std::size_t until = from.below(sizes.size());
        for (std::size_t i = 0; i < until; ++i)
            REQUIRE(part.add_data(sizes[i]) == places[i]);
    }
}
