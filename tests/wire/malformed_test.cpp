// Bytes that nobody vouches for: refused with the field and the reason, within bounds, or read as
// libcapnp reads them.
#include "generator.hpp"
#include "support.hpp"

using namespace equus;
using namespace support;

namespace {

oracle::byte_string words(std::initializer_list<std::uint64_t> from) {
    oracle::byte_string out(from.size() * 8);
    std::size_t at = 0;
    for (const std::uint64_t word : from) {
        wire::detail::store<std::uint64_t>(out.data() + at, word);
        at += 8;
    }
    return out;
}

constexpr std::uint64_t struct_pointer(std::int32_t offset, std::uint64_t data,
                                       std::uint64_t pointers) {
    return (static_cast<std::uint32_t>(offset) << 2) | data << 32 | pointers << 48;
}
constexpr std::uint64_t list_pointer(std::int32_t offset, std::uint64_t size, std::uint64_t count) {
    return (static_cast<std::uint32_t>(offset) << 2 | 1u) | size << 32 | count << 35;
}
constexpr std::uint64_t far_pointer(bool is_double, std::uint64_t word, std::uint64_t segment) {
    return 2 | (is_double ? 4u : 0u) | word << 3 | segment << 32;
}

struct page {
    static constexpr std::string_view equus_name = "page";
    std::string title;
    std::vector<std::string> lines;
    std::vector<page> inserts;
    EQUUS_FIELDS(title, lines, inserts)
};
struct print {
    static constexpr std::string_view equus_name = "doc.print";
    std::vector<page> pages;
    shop::small_enum kind = shop::small_enum::no;
    std::variant<bool, std::string> what;
    std::optional<std::string> note;
    std::array<std::uint16_t, 2> pair{};
    EQUUS_FIELDS(pages, kind, what, note, pair)
};

/// Root with `count` text pointers to the same text of `text_words`.
oracle::byte_string shared_texts(std::uint32_t count, std::uint32_t text_words) {
    oracle::byte_string out((1 + 3 + count + text_words) * 8);
    const auto put = [&](std::size_t word, std::uint64_t value) {
        wire::detail::store<std::uint64_t>(out.data() + word * 8, value);
    };
    put(0, struct_pointer(0, 0, 3));
    put(2, list_pointer(1, 6, count));
    for (std::uint32_t i = 0; i < count; ++i)
        put(4 + i, list_pointer(static_cast<std::int32_t>(count - i - 1), 2, text_words * 8));
    return out;
}

template <class T>
void survives_mutation(const std::string& name, std::uint64_t seeds, bool compares_equal) {
    std::size_t accepted = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        generator::random_source from{seed};
        auto bytes = framed(generator::make<T>(seed % 50));
        for (std::size_t flips = 1 + from.below(3); flips > 0; --flips) {
            const std::size_t at = 8 + from.below(bytes.size() - 8);
            bytes[at] = from.below(2) == 0
                            ? static_cast<std::byte>(from.bits())
                            : bytes[at] ^ static_cast<std::byte>(1u << from.below(8));
        }
        INFO(name << ", seed " << seed);
        const auto read = wire::decode_framed<T>(bytes);
        if (!read) {
            REQUIRE(read.error().code() == errc::malformed);
            REQUIRE(!read.error().text().empty());
            continue;
        }
        ++accepted;
        REQUIRE_NOTHROW(by_hand().read_all(name, bytes));
        if (compares_equal)
            REQUIRE(by_hand().equal(name, bytes, framed(*read)));
    }
    // The mutations are not so wild that nothing is left to compare.
    REQUIRE(accepted > seeds / 20);
}

} // namespace

TEST_CASE("what is no message at all is refused", "[wire]") {
    REQUIRE(refusal<shop::point>({}) == "shop.point: no root pointer");
    REQUIRE(refusal<shop::point>(oracle::byte_string(12)) ==
            "shop.point: bytes behind the last whole word");
    REQUIRE(refusal<shop::point>(words({list_pointer(0, 2, 0)})) == "shop.point: not a struct");
    REQUIRE(refusal<shop::point>(words({struct_pointer(0, 1, 0)})) ==
            "shop.point: pointer out of bounds");
    REQUIRE(refusal<shop::point>(words({struct_pointer(-3, 1, 0)})) ==
            "shop.point: pointer out of bounds");
    // Null is the default, here as in libcapnp.
    REQUIRE(refusal<shop::point>(words({0})) == "accepted");
}

TEST_CASE("a refusal names the field", "[wire]") {
    print p;
    p.pages.resize(2);
    p.pages[1].lines = {"a", "b"};
    auto bytes = encoded(p);
    REQUIRE(refusal<print>(bytes) == "accepted");
    // "b" and its NUL are the last word but one; the variant's struct follows it.
    for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8)
        if (bytes[i] == std::byte{'b'})
            bytes[i + 1] = std::byte{'x'};
    REQUIRE(refusal<print>(bytes) == "doc.print.pages[1].lines[1]: text not NUL-terminated");
}

TEST_CASE("wrong kinds of pointer are refused by name", "[wire]") {
    const auto with_pages = [](std::uint64_t pages, std::initializer_list<std::uint64_t> rest) {
        auto bytes = words({struct_pointer(0, 1, 4), 0, pages, 0, 0, 0});
        const auto more = words(rest);
        bytes.insert(bytes.end(), more.begin(), more.end());
        return refusal<print>(bytes);
    };
    REQUIRE(with_pages(struct_pointer(0, 0, 0) | 1ull << 32, {}) == "doc.print.pages: not a list");
    REQUIRE(with_pages(list_pointer(3, 1, 8), {0}) ==
            "doc.print.pages: list of bits instead of something larger");
    REQUIRE(with_pages(list_pointer(3, 7, 1), {list_pointer(0, 0, 0), 0}) ==
            "doc.print.pages: list of structs whose tag is none");
    REQUIRE(with_pages(list_pointer(3, 7, 1), {struct_pointer(2, 1, 0), 0}) ==
            "doc.print.pages: list of structs longer than its words");
    REQUIRE(with_pages(list_pointer(3, 7, 1), {struct_pointer(1, 0, 1), list_pointer(-1, 3, 1)}) ==
            "doc.print.pages[0].title: not a text");
    REQUIRE(with_pages(3 | 7ull << 32, {}) == "doc.print.pages: not a list");

    // Codes are 16 bits: of bytes they are too small, of structs without data they are not there.
    const auto codes = [](std::uint64_t pointer, std::initializer_list<std::uint64_t> rest) {
        auto bytes = words({struct_pointer(0, 1, 3), 0, pointer, 0, 0});
        const auto more = words(rest);
        bytes.insert(bytes.end(), more.begin(), more.end());
        return refusal<shop::version1>(bytes);
    };
    REQUIRE(codes(list_pointer(2, 2, 1), {0}) ==
            "shop.version1.codes: list of elements smaller than expected");
    REQUIRE(codes(list_pointer(2, 6, 1), {0}) ==
            "shop.version1.codes: list of elements smaller than expected");
    REQUIRE(codes(list_pointer(2, 4, 1), {0}) == "accepted");
    REQUIRE(codes(list_pointer(2, 7, 1), {struct_pointer(1, 0, 1), 0}) ==
            "shop.version1.codes: list of structs without the number expected");
}

TEST_CASE("values that the types do not have are refused", "[wire]") {
    REQUIRE(refusal<print>(words({struct_pointer(0, 1, 0), 0x100})) ==
            "doc.print.kind: number too large for its enumeration");
    REQUIRE(refusal<print>(words({struct_pointer(0, 1, 0), 0x2'0000})) ==
            "doc.print.note: neither none nor some");
    REQUIRE(
        refusal<print>(words({struct_pointer(0, 1, 2), 0, 0, struct_pointer(0, 1, 0), 0x2'0000})) ==
        "doc.print.what: an alternative that this program does not have");
    REQUIRE(refusal<print>(words({struct_pointer(0, 1, 4), 0, 0, 0, 0, list_pointer(0, 3, 3),
                                  0})) == "doc.print.pair: more elements than the array has");
}

TEST_CASE("lists whose elements take no room cost no more than the limit", "[wire]") {
    const std::uint64_t most = (1u << 29) - 1;
    // Elements without content; a tag that claims them; bits of nothing.
    REQUIRE(refusal<shop::lists>(words({struct_pointer(0, 0, 1), list_pointer(0, 0, most)})) ==
            "shop.lists.bits: list of elements smaller than expected");
    oracle::byte_string bomb(16 * 8 + 8);
    wire::detail::store<std::uint64_t>(bomb.data(), struct_pointer(0, 0, 15));
    const auto with = [&](std::size_t field, std::uint64_t pointer, std::uint64_t tag) {
        auto bytes = bomb;
        wire::detail::store<std::uint64_t>(bytes.data() + 8 + field * 8, pointer);
        wire::detail::store<std::uint64_t>(bytes.data() + 16 * 8, tag);
        return refusal<shop::lists>(bytes);
    };
    const std::string refused = ": costs more than a message of its size may";
    REQUIRE(with(13, list_pointer(1, 0, most), 0) == "shop.lists.voids" + refused);
    REQUIRE(with(14, list_pointer(0, 0, most), 0) == "shop.lists.empties" + refused);
    REQUIRE(with(14, list_pointer(0, 7, 0), most << 2) == "shop.lists.empties" + refused);
    REQUIRE(with(8, list_pointer(6, 7, 0), most << 2) == "shop.lists.points" + refused);
    REQUIRE(with(14, list_pointer(0, 0, 900), 0) == "accepted");
}

TEST_CASE("pointers that share their target cost no more than the limit", "[wire]") {
    REQUIRE(refusal<page>(shared_texts(4, 50)) == "accepted");
    REQUIRE(refusal<page>(shared_texts(1000, 1000)) ==
            "page.lines[16]: costs more than a message of its size may");
    // Who trusts the sender can allow more.
    REQUIRE(refusal<page>(shared_texts(1000, 1000), {.amplification_max = 1000}) == "accepted");
}

TEST_CASE("a struct that contains itself is refused", "[wire]") {
    // The only insert of a page is the page.
    const auto cycle = words({struct_pointer(0, 0, 3), 0, 0, list_pointer(0, 7, 3),
                              struct_pointer(1, 0, 3), 0, 0, list_pointer(-4, 7, 3)});
    // The path keeps its last 16 steps.
    std::string expected = "page...[0]";
    for (int i = 0; i < 7; ++i)
        expected += ".inserts[0]";
    expected += ".inserts: nested too deeply";
    REQUIRE(refusal<page>(cycle, {.amplification_max = 1000}) == expected);
    REQUIRE(refusal<shop::tree>(words({struct_pointer(0, 1, 2), 0, 0, struct_pointer(-3, 1, 2)}),
                                {.amplification_max = 1000})
                .ends_with("nested too deeply"));
}

TEST_CASE("a number that became a struct does not give half of itself to a wider field", "[wire]") {
    // Points out of two bytes each: x needs four.
    const auto points = words(
        {struct_pointer(0, 0, 9), 0, 0, 0, 0, 0, 0, 0, 0, list_pointer(0, 3, 2), 0x0001'0001});
    REQUIRE(refusal<shop::lists>(points) == "accepted");
    const auto read = wire::decode<shop::lists>(points);
    REQUIRE(read);
    REQUIRE(read->points == std::vector<shop::point>(2));
}

TEST_CASE("words that no pointer leads to do not matter", "[wire]") {
    auto bytes = encoded(shop::point{1, 2});
    for (int i = 0; i < 5; ++i)
        bytes.insert(bytes.end(), 8, std::byte{0xff});
    const auto read = wire::decode<shop::point>(bytes);
    REQUIRE(read);
    REQUIRE(*read == shop::point{1, 2});
}

TEST_CASE("far pointers lead to any segment, but nowhere else", "[wire]") {
    const auto frame = [](std::vector<oracle::byte_string> segments) {
        oracle::byte_string out(wire::detail::words_of_bytes(4 + 4 * segments.size()) * 8);
        wire::detail::store<std::uint32_t>(out.data(),
                                           static_cast<std::uint32_t>(segments.size() - 1));
        for (std::size_t i = 0; i < segments.size(); ++i)
            wire::detail::store<std::uint32_t>(out.data() + 4 + 4 * i,
                                               static_cast<std::uint32_t>(segments[i].size() / 8));
        for (const auto& each : segments)
            out.insert(out.end(), each.begin(), each.end());
        return out;
    };
    const auto read = [&](std::vector<oracle::byte_string> segments) {
        const auto got = wire::decode_framed<shop::point>(frame(std::move(segments)));
        return got ? "x = " + std::to_string(got->x) : std::string{got.error().text()};
    };
    REQUIRE(read({words({far_pointer(false, 1, 1)}), words({9, struct_pointer(-2, 1, 0)})}) ==
            "x = 9");
    REQUIRE(read({words({far_pointer(true, 0, 1)}),
                  words({far_pointer(false, 1, 2), struct_pointer(0, 1, 0)}), words({0, 8})}) ==
            "x = 8");
    REQUIRE(read({words({far_pointer(false, 0, 1)})}) ==
            "shop.point: far pointer to a segment that is not there");
    REQUIRE(read({words({far_pointer(false, 1, 0)})}) == "shop.point: pointer out of bounds");
    REQUIRE(read({words({far_pointer(false, 0, 0)})}) ==
            "shop.point: far pointer to a far pointer");
    REQUIRE(read({words({far_pointer(true, 0, 0), 0})}) ==
            "shop.point: double far pointer without a far pointer behind it");
    REQUIRE(read({words({far_pointer(true, 1, 0), far_pointer(false, 0, 9), 0})}) ==
            "shop.point: far pointer to a segment that is not there");
    REQUIRE(read({words({far_pointer(true, 1, 0), far_pointer(false, 2, 0),
                         struct_pointer(0, 2, 0)})}) == "shop.point: pointer out of bounds");
}

TEST_CASE("a frame that does not hold what it says is refused", "[wire]") {
    const auto good = framed(shop::point{1, 2});
    const auto text = [](const oracle::byte_string& bytes) {
        const auto read = wire::decode_framed<shop::point>(bytes);
        return read ? std::string{"accepted"} : read.error().describe();
    };
    REQUIRE(text(good) == "accepted");
    REQUIRE(text({}) == "malformed: frame without a header");
    REQUIRE(text({good.begin(), good.end() - 8}) == "malformed: frame ends inside a segment");
    auto longer = good;
    longer.resize(longer.size() + 8);
    REQUIRE(text(longer) == "malformed: bytes behind the last segment");
    REQUIRE(text(words({0xffff'ffff})) == "too large: more segments than limits::segments_max");
    REQUIRE(text(words({4})) == "malformed: frame ends inside its header");
}

TEST_CASE("every beginning of a message is refused or read, never read beyond", "[wire]") {
    // Copies of exact size, so that the address sanitizer sees a byte too many.
    const auto bytes = encoded(generator::make<shop::everything>(3));
    for (std::size_t size = 0; size < bytes.size(); size += 8) {
        const oracle::byte_string part{bytes.begin(),
                                       bytes.begin() + static_cast<std::ptrdiff_t>(size)};
        REQUIRE(!wire::decode<shop::everything>(part));
    }
}

TEST_CASE("mutated messages are refused, or read as libcapnp reads them", "[wire]") {
    survives_mutation<shop::scalars>("Scalars", 300, true);
    survives_mutation<shop::defaults>("Defaults", 2000, true);
    survives_mutation<shop::lists>("Lists", 2000, true);
    survives_mutation<shop::tree>("Tree", 2000, true);
    // A map in another order is the same map, but another list.
    survives_mutation<shop::choices>("Choices", 1000, false);
    survives_mutation<shop::keyed>("Keyed", 1000, false);
}

TEST_CASE("mutated references and identities are refused, or are a message again", "[wire]") {
    std::size_t accepted = 0;
    const auto survives = [&]<class T>(const T& message, std::uint64_t seed) {
        generator::random_source from{seed};
        auto bytes = encoded(message);
        for (std::size_t flips = 1 + from.below(3); flips > 0; --flips)
            bytes[8 + from.below(bytes.size() - 8)] = static_cast<std::byte>(from.bits());
        const auto read = wire::decode<T>(bytes);
        if (!read) {
            REQUIRE(read.error().code() == errc::malformed);
            return;
        }
        ++accepted;
        const auto again = wire::decode<T>(encoded(*read));
        REQUIRE(again);
        REQUIRE(encoded(*again) == encoded(*read));
    };
    shop::references r;
    r.plain = reference{0, 3};
    r.many = {reference{1, 0}, reference{2, 0}};
    r.perhaps = reference{3, 0};
    r.named["a"] = shop::stream_handle{4, 0};
    r.either = reference{5, 0};
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        survives(r, seed);
        survives(generator::make<shop::identities>(seed % 50), seed);
        survives(generator::make<shop::arrays>(seed % 50), seed);
    }
    REQUIRE(accepted > 300);
}
