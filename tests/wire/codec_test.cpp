// Values written by hand, through libcapnp and through us: the bytes and the values are equal.
#include "generator.hpp"
#include "support.hpp"

using namespace equus;
using namespace support;
using namespace std::chrono_literals;

namespace {

/// Our bytes are libcapnp's, and we read back what we wrote.
template <class T>
void is_encoded_as(const T& message, const std::string& name, const std::string& value) {
    INFO(name << " = " << value);
    const auto ours = encoded(message);
    const auto theirs = by_hand().build(name, value);
    INFO("ours" << hexadecimal(ours) << "\ntheirs" << hexadecimal(theirs));
    REQUIRE(ours == theirs);
    const auto read = wire::decode<T>(theirs);
    REQUIRE(read);
    REQUIRE(encoded(*read) == ours);
}

template <class T>
void agrees_on_random_values(const std::string& name, std::uint64_t seeds) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        INFO("seed " << seed);
        const auto message = generator::make<T>(seed);
        is_encoded_as(message, name, generator::text_of(message));
        for (const unsigned first_words : {1u, 3u, 17u}) {
            const auto scattered = by_hand().scatter(name, framed(message), first_words);
            const auto read = wire::decode_framed<T>(scattered);
            INFO((read ? "" : read.error().describe()));
            REQUIRE(read);
            REQUIRE(encoded(*read) == encoded(message));
        }
    }
}

} // namespace

TEST_CASE("scalars in every kind of hole have the bytes of libcapnp", "[wire]") {
    shop::scalars s;
    is_encoded_as(s, "Scalars", "()");
    s.a = true;
    s.b = -1;
    s.c = 65535;
    s.d = true;
    s.e = INT64_MIN;
    s.f = -0.5f;
    s.g = 200;
    s.h = 1e300;
    s.i = -123456789;
    s.j = true;
    s.k = UINT64_MAX;
    s.l = -2;
    s.m = 4000000000u;
    s.n = shop::color::dark_blue;
    s.o = std::byte{9};
    s.p = shop::small_enum::yes;
    is_encoded_as(s, "Scalars",
                  "(a = true, b = -1, c = 65535, d = true, e = -9223372036854775808, f = -0.5, "
                  "g = 200, h = 1e300, i = -123456789, j = true, k = 18446744073709551615, l = -2, "
                  "m = 4000000000, n = darkBlue, o = 9, p = yes)");
}

TEST_CASE("member initialisers are the defaults of the schema", "[wire]") {
    const shop::defaults fresh;
    // A scalar at its default is a zero: the data section of a fresh object has no bit set.
    const auto bytes = encoded(fresh);
    for (std::size_t i = 8; i < 8 + wire::detail::form_of<shop::defaults>.data_words * 8; ++i)
        REQUIRE(bytes[i] == std::byte{0});
    // What a message lacks has the default, for them and for us.
    const auto absent = wire::decode<shop::defaults>(by_hand().build("Defaults", "()"));
    REQUIRE(absent);
    REQUIRE(encoded(*absent) == bytes);
    REQUIRE(
        by_hand().equal("Defaults", framed(fresh), by_hand().build_framed("Defaults", "()", 99)));
}

TEST_CASE("an empty text or list is kept apart from a default that is not empty", "[wire]") {
    shop::defaults d;
    d.title.clear();
    d.blob = {};
    d.numbers.clear();
    d.words.clear();
    d.path.clear();
    d.yes = false;
    d.tint = shop::color::red;
    d.ratio = 0;
    const auto read = wire::decode<shop::defaults>(encoded(d));
    REQUIRE(read);
    REQUIRE(read->title.empty());
    REQUIRE(read->blob.empty());
    REQUIRE(read->numbers.empty());
    REQUIRE(read->words.empty());
    REQUIRE(read->path.empty());
    REQUIRE(!read->yes);
    REQUIRE(read->ratio == 0);
    REQUIRE(by_hand().equal("Defaults", framed(d),
                            by_hand().build_framed("Defaults",
                                                   "(title = \"\", blob = \"\", numbers = [], "
                                                   "words = [], path = [], yes = false, tint = "
                                                   "red, ratio = 0)",
                                                   99)));
}

TEST_CASE("lists of anything have the bytes of libcapnp", "[wire]") {
    shop::lists l;
    l.bits = {true, false, true, true, false, false, false, false, true};
    l.more_bits = {false, true};
    l.bytes1 = {-1, 2};
    l.bytes2 = {1, 2, 3, 4, 5};
    l.bytes4 = {7};
    l.bytes8 = {0.25};
    l.texts = {"a", "longer than a word"};
    l.blobs.emplace_back("xyz");
    l.points = {{1, 2}, {3, 4}};
    l.nested = {{1}, {2, 3}};
    l.colors = {shop::color::green, shop::color::red};
    l.small_enums = {shop::small_enum::yes};
    l.nodes = {node_id{5}};
    l.voids.resize(3);
    l.empties.resize(2);
    is_encoded_as(l, "Lists",
                  "(bits = [true, false, true, true, false, false, false, false, true], moreBits = "
                  "[false, true], bytes1 = [-1, 2], bytes2 = [1, 2, 3, 4, 5], bytes4 = [7], bytes8 "
                  "= [0.25], texts = [\"a\", \"longer than a word\"], blobs = "
                  "[\"xyz\"], points = [(x = 1, y = 2), (x = 3, y = 4)], nested = [[1], [2, 3]], "
                  "colors = [green, red], smallEnums = [yes], nodes = [5], voids = [void, void, "
                  "void], empties = [(), ()])");
}

TEST_CASE("an array is a list of as many elements; what a message lacks keeps its default",
          "[wire]") {
    shop::arrays a;
    a.pair = {0.5f, 1};
    a.points[1].y = 4;
    is_encoded_as(
        a, "Arrays",
        "(triple = [7, 8, 9], pair = [0.5, 1], texts = [\"a\", \"b\"], points = [(), (y = "
        "4)])");
    const auto shorter = wire::decode<shop::arrays>(
        by_hand().build("Arrays", "(triple = [1], texts = [\"c\"], points = [(x = 5)])"));
    REQUIRE(shorter);
    REQUIRE(shorter->triple == std::array<std::uint8_t, 3>{1, 8, 9});
    REQUIRE(shorter->texts == std::array<std::string, 2>{"c", "b"});
    REQUIRE(shorter->points[0].x == 5);
    REQUIRE(refusal<shop::arrays>(by_hand().build("Arrays", "(triple = [1, 2, 3, 4])")) ==
            "shop.arrays.triple: more elements than the array has");
}

TEST_CASE("sets and maps are lists sorted by key, whatever order the container has", "[wire]") {
    shop::keyed k;
    k.by_name = {{"b", {1, 2}}, {"a", {3, 4}}};
    k.numbers = {5, -5};
    k.names = {{30, "x"}, {2, "y"}, {1, "z"}};
    k.words = {"q", "p"};
    k.tints[shop::color::green] = {1};
    k.deep[4][true] = 0.5;
    k.descending = {{1, 0}, {2, 0}};
    is_encoded_as(k, "Keyed",
                  "(byName = [(key = \"a\", value = (x = 3, y = 4)), (key = \"b\", value = (x = 1, "
                  "y = 2))], numbers = [-5, 5], names = [(key = 1, value = \"z\"), (key = 2, value "
                  "= \"y\"), (key = 30, value = \"x\")], words = [\"p\", \"q\"], tints = [(key = "
                  "green, value = [1])], deep = [(key = 4, value = [(key = true, value = 0.5)])], "
                  "descending = [(x = 1, y = 0), (x = 2, y = 0)])");
}

TEST_CASE("a key given twice is refused", "[wire]") {
    const auto bytes =
        by_hand().build("Keyed", "(names = [(key = 1, value = \"a\"), (key = 1, value = \"b\")])");
    REQUIRE(refusal<shop::keyed>(bytes) == "shop.keyed.names[1]: key given twice");
    REQUIRE(refusal<shop::keyed>(by_hand().build("Keyed", "(numbers = [3, 3])")) ==
            "shop.keyed.numbers[1]: key given twice");
}

TEST_CASE("optionals and variants have the bytes of libcapnp", "[wire]") {
    shop::choices c;
    c.flag = true;
    c.number = 0;
    c.text = "t";
    c.at = shop::point{1, 2};
    c.what = shop::point{3, 4};
    c.maybe = {std::nullopt, 5};
    c.many = {std::monostate{}, true, std::uint16_t{7}, std::string{"s"}, 2.5};
    c.perhaps = std::string{"p"};
    c.growing = std::uint64_t{1} << 63;
    c.mixed = std::vector<bool>{true};
    c.twice.emplace(std::int8_t{-3});
    c.present.emplace();
    c.only = 1.5f;
    is_encoded_as(
        c, "Choices",
        "(flag = (some = true), number = (some = 0), text = (some = \"t\"), at = (some = "
        "(x = 1, y = 2)), what = (point = (x = 3, y = 4)), maybe = [(value = (none = "
        "void)), (value = (some = 5))], many = [(none = void), (bool = true), (uint16 = "
        "7), (text = \"s\"), (float64 = 2.5)], perhaps = (some = (text = \"p\")), growing "
        "= (uint64 = 9223372036854775808), mixed = (list = [true]), twice = (some = "
        "(value = (some = -3))), present = (some = void), only = (float32 = 1.5))");
    c.twice.emplace(std::nullopt);
    const auto read = wire::decode<shop::choices>(encoded(c));
    REQUIRE(read);
    REQUIRE(read->twice.has_value());
    REQUIRE(!read->twice->has_value());
}

TEST_CASE("recursive structs have the bytes of libcapnp", "[wire]") {
    shop::tree t;
    t.value = 1;
    t.children.resize(2);
    t.children[1].left = std::make_unique<shop::tree>();
    t.right = std::make_unique<shop::tree>();
    t.right->value = 3;
    t.marks.resize(2);
    t.marks[1] = std::make_unique<shop::point>();
    t.marks[1]->x = 8;
    is_encoded_as(t, "Tree",
                  "(value = 1, children = [(), (left = ())], right = (value = 3), marks = [(), "
                  "(value = (x = 8))])");
}

TEST_CASE("identities lie in the struct that has them, durations are nanoseconds", "[wire]") {
    shop::identities i;
    i.node = node_id{1};
    i.stream.owner = {node_id{2}, boot_number{3}, 4};
    i.stream.counter = 5;
    i.owners = {i.stream.owner};
    i.pause = -7ns;
    i.coarse = 3ms;
    i.call = call_id{i.stream.owner, 9};
    i.counts[i.stream.owner] = 6;
    i.last_seen = {{node_id{7}, boot_number{8}}, 9, epoch{10}};
    is_encoded_as(
        i, "Identities",
        "(node = 1, stream = (owner = (node = 2, boot = 3, counter = 4), counter = 5), "
        "owners = [(node = 2, boot = 3, counter = 4)], pause = -7, coarse = 3000000, call "
        "= (some = (owner = (node = 2, boot = 3, counter = 4), counter = 9)), counts = "
        "[(key = (node = 2, boot = 3, counter = 4), value = 6)], lastSeen = (at = (node = "
        "7, boot = 8), slot = 9, age = 10))");
}

TEST_CASE("a duration that nanoseconds cannot hold stays the longest", "[wire]") {
    using coarse = wire::detail::scalar<std::chrono::hours>;
    REQUIRE(coarse::from(coarse::to(std::chrono::hours::max())) == std::chrono::hours::max());
    REQUIRE(coarse::from(coarse::to(std::chrono::hours::min())) == std::chrono::hours::min());
    REQUIRE(coarse::from(coarse::to(std::chrono::hours{-3})) == std::chrono::hours{-3});
    using narrow = wire::detail::scalar<std::chrono::duration<std::int32_t, std::milli>>;
    REQUIRE(narrow::from(static_cast<std::uint64_t>(INT64_MAX - 1)).count() == INT32_MAX);
}

TEST_CASE("random messages have the bytes of libcapnp, from one segment or many", "[wire]") {
    agrees_on_random_values<shop::scalars>("Scalars", 60);
    agrees_on_random_values<shop::defaults>("Defaults", 60);
    agrees_on_random_values<shop::lists>("Lists", 60);
    agrees_on_random_values<shop::arrays>("Arrays", 60);
    agrees_on_random_values<shop::keyed>("Keyed", 60);
    agrees_on_random_values<shop::choices>("Choices", 60);
    agrees_on_random_values<shop::tree>("Tree", 60);
    agrees_on_random_values<shop::identities>("Identities", 60);
    agrees_on_random_values<shop::everything>("Everything", 30);
}

TEST_CASE("references are capability pointers, and are found however deep they lie", "[wire]") {
    static_assert(wire::contains_references<shop::references>);
    static_assert(wire::contains_references<std::vector<shop::references>>);
    static_assert(!wire::contains_references<shop::everything>);
    shop::references r;
    r.plain = reference{0, 3};
    r.stream = shop::stream_handle{1, 3};
    equus_reference(r.port) = reference{2, 3};
    r.many = {reference{3, 0}, reference{4, 0}};
    REQUIRE(encoded(r) == [] {
        // The variant is always written; libcapnp was not asked to, so the last words are ours.
        auto theirs =
            by_hand().build_with_capabilities("References", {"plain", "stream", "port", "many 2"});
        const auto ours = encoded(shop::references{});
        theirs.insert(theirs.end(), ours.end() - 16, ours.end());
        const std::size_t either = 8 + 8 + 6 * 8;
        const std::uint32_t behind =
            static_cast<std::uint32_t>((theirs.size() - 16 - either) / 8 - 1);
        wire::detail::store<std::uint64_t>(theirs.data() + either,
                                           std::uint64_t{behind << 2} | 1ull << 32 | 1ull << 48);
        return theirs;
    }());

    r.perhaps = reference{5, 0};
    r.named["a"] = shop::stream_handle{6, 0};
    r.either = reference{7, 0};
    auto read = wire::decode<shop::references>(encoded(r));
    REQUIRE(read);
    std::vector<std::uint32_t> found;
    wire::for_each_reference(*read, [&](reference& each) { found.push_back(each.index()); });
    REQUIRE(found == std::vector<std::uint32_t>{0, 1, 2, 3, 4, 5, 6, 7});
    wire::for_each_reference(*read, [&](reference& each) { each = reference{}; });
    read = wire::decode<shop::references>(encoded(*read));
    REQUIRE(read);
    std::size_t empty = 0;
    const shop::references& constant = *read;
    wire::for_each_reference(constant, [&](const reference& each) { empty += each ? 0u : 1u; });
    REQUIRE(empty == 8);
}

TEST_CASE("the bytes of a message may begin at any address", "[wire]") {
    const auto message = generator::make<shop::everything>(7);
    const auto bytes = encoded(message);
    for (std::size_t shift = 0; shift < 8; ++shift) {
        oracle::byte_string room(bytes.size() + 8);
        const std::span<std::byte> there{room.data() + shift, bytes.size()};
        wire::encode(message, there);
        const auto read = wire::decode<shop::everything>(there);
        REQUIRE(read);
        REQUIRE(encoded(*read) == bytes);
    }
}

TEST_CASE("decoding into an object forgets what the object held", "[wire]") {
    shop::defaults target;
    target.title = "old";
    target.number = 1;
    REQUIRE(wire::decode_into(target, by_hand().build("Defaults", "(small = 3)")));
    REQUIRE(target.title == shop::defaults{}.title);
    REQUIRE(target.number == 123456);
    REQUIRE(target.small == 3);
}

TEST_CASE("an older and a newer program read each other's messages", "[wire]") {
    const auto old_bytes = by_hand().build(
        "Version1", "(id = 5, codes = [7, 8], names = [\"a\", \"b\"], at = (x = 1, y = 2))");
    const auto from_old = wire::decode<shop::version2>(old_bytes);
    REQUIRE(from_old);
    REQUIRE(from_old->id == 5);
    REQUIRE(from_old->codes.size() == 2);
    REQUIRE(from_old->codes[1].value == 8);
    REQUIRE(from_old->codes[1].comment == "none");
    REQUIRE(from_old->names[0].name == "a");
    REQUIRE(from_old->names[0].known);
    REQUIRE(from_old->at.y == 2);
    REQUIRE(from_old->at.z == 9);
    REQUIRE(from_old->stamp == 77);
    REQUIRE(from_old->author == "somebody");

    const auto new_bytes = by_hand().build(
        "Version2", "(id = 6, codes = [(value = 3, comment = \"c\")], names = [(name = \"n\")], at "
                    "= (x = 1, y = 2, z = 3), stamp = 1, author = \"me\")");
    const auto from_new = wire::decode<shop::version1>(new_bytes);
    REQUIRE(from_new);
    REQUIRE(from_new->id == 6);
    REQUIRE(from_new->codes == std::vector<std::uint16_t>{3});
    REQUIRE(from_new->names == std::vector<std::string>{"n"});
    REQUIRE(from_new->at == shop::point{1, 2});
}

TEST_CASE("what no message can hold has no size", "[wire]") {
    shop::tree deep;
    shop::tree* at = &deep;
    for (int i = 0; i < 63; ++i) {
        at->left = std::make_unique<shop::tree>();
        at = at->left.get();
    }
    REQUIRE(wire::size_bytes(deep) != 0);
    REQUIRE(wire::decode<shop::tree>(encoded(deep)));
    at->left = std::make_unique<shop::tree>();
    REQUIRE(wire::size_bytes(deep) == 0);
    REQUIRE(wire::encode_framed(deep).empty());

    shop::lists many;
    many.empties.resize(1000);
    REQUIRE(wire::decode<shop::lists>(encoded(many)));
    many.empties.resize(100'000);
    REQUIRE(wire::size_bytes(many) == 0);
}
